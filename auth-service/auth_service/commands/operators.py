"""`app` with all that operators type, beside the processes that it has already."""

from . import (
    app,
    apply,
    audit,
    clients,
    consents,
    events,
    groups,
    issuer,
    key_check,
    keys,
    mail,
    personal_tokens,
    registration_tokens,
    resources,
    restoring,
    roles,
    secrets,
    sessions,
    upstreams,
    users,
)

__all__ = ["app"]

app.add_typer(users.app, name="users")
app.add_typer(clients.app, name="clients")
app.add_typer(registration_tokens.app, name="registration-tokens")
app.add_typer(personal_tokens.app, name="tokens")
app.add_typer(resources.app, name="resources")
app.add_typer(upstreams.app, name="upstreams")
app.add_typer(roles.app, name="roles")
app.add_typer(groups.app, name="groups")
app.add_typer(consents.app, name="consents")
app.add_typer(sessions.app, name="sessions")
app.add_typer(events.app, name="events")
app.add_typer(mail.app, name="mail")
app.add_typer(issuer.app, name="issuer")
app.add_typer(keys.app, name="keys")
keys.app.add_typer(key_check.app)
app.add_typer(secrets.app, name="secrets")
app.add_typer(audit.app, name="audit")
app.command()(restoring.restore)
app.command()(apply.apply)
