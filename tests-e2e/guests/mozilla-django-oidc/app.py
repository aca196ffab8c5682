"""A Django site with mozilla-django-oidc. Only the settings that its documentation calls required are set."""

import os
import wsgiref.simple_server

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import include, path

ISSUER, PORT, FOLDER = os.environ["ISSUER"], int(os.environ["PORT"]), os.environ["FOLDER"]

settings.configure(
    SECRET_KEY=os.environ["CLIENT_SECRET"],
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "mozilla_django_oidc",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{FOLDER}/site.sqlite3"}},
    AUTHENTICATION_BACKENDS=["mozilla_django_oidc.auth.OIDCAuthenticationBackend"],
    OIDC_RP_CLIENT_ID=os.environ["CLIENT_ID"],
    OIDC_RP_CLIENT_SECRET=os.environ["CLIENT_SECRET"],
    OIDC_RP_SIGN_ALGO="RS256",
    OIDC_OP_JWKS_ENDPOINT=f"{ISSUER}/.well-known/jwks.json",
    OIDC_OP_AUTHORIZATION_ENDPOINT=f"{ISSUER}/oauth/authorize",
    OIDC_OP_TOKEN_ENDPOINT=f"{ISSUER}/oauth/token",
    OIDC_OP_USER_ENDPOINT=f"{ISSUER}/oauth/userinfo",
    LOGIN_REDIRECT_URL="/",
    LOGOUT_REDIRECT_URL="/signed-out",
)
django.setup()


def home(request: HttpRequest) -> HttpResponse:
    if not request.user.is_authenticated:
        return redirect("oidc_authentication_init")
    return HttpResponse(f"Signed in as {request.user.email}")


def sign_out(request: HttpRequest) -> HttpResponse:
    """A link, as the test opens it; the library's own view takes only POST."""
    django.contrib.auth.logout(request)
    return redirect("/signed-out")


urlpatterns = [
    path("", home),
    path("oidc/", include("mozilla_django_oidc.urls")),
    path("logout", sign_out),
    path("signed-out", lambda request: HttpResponse("Signed out")),
]

if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    wsgiref.simple_server.make_server("127.0.0.1", PORT, get_wsgi_application()).serve_forever()
