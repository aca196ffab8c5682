"""A Django site with social-auth-app-django and its backend for OpenID Connect."""

import os
import wsgiref.simple_server
from urllib.parse import urlencode

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
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
        "social_django",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{FOLDER}/site.sqlite3"}},
    AUTHENTICATION_BACKENDS=["social_core.backends.open_id_connect.OpenIdConnectAuth"],
    SOCIAL_AUTH_OIDC_OIDC_ENDPOINT=ISSUER,
    SOCIAL_AUTH_OIDC_KEY=os.environ["CLIENT_ID"],
    SOCIAL_AUTH_OIDC_SECRET=os.environ["CLIENT_SECRET"],
    LOGIN_REDIRECT_URL="/",
)
django.setup()

from social_django.utils import load_strategy  # noqa: E402 - its models need the settings


def home(request: HttpRequest) -> HttpResponse:
    if not request.user.is_authenticated:
        return redirect("/sign-in")
    return HttpResponse(f"Signed in as {request.user.email}")


def sign_in(request: HttpRequest) -> HttpResponse:
    """A form, because the library begins a sign-in only by POST."""
    token = f'<input type="hidden" name="csrfmiddlewaretoken" value="{get_token(request)}">'
    return HttpResponse(f'<form method="post" action="/login/oidc/">{token}<button>Sign in</button></form>')


def refresh(request: HttpRequest) -> HttpResponse:
    request.user.social_auth.get().refresh_token(load_strategy())
    return redirect("/")


def sign_out(request: HttpRequest) -> HttpResponse:
    """The library has no sign-out at the provider, so the site sends the browser there itself."""
    hint = request.user.social_auth.get().extra_data["id_token"]
    django.contrib.auth.logout(request)
    back = f"http://127.0.0.1:{PORT}/signed-out"
    return redirect(f"{ISSUER}/oauth/logout?{urlencode({'id_token_hint': hint, 'post_logout_redirect_uri': back})}")


urlpatterns = [
    path("", home),
    path("sign-in", sign_in),
    path("refresh", refresh),
    path("logout", sign_out),
    path("signed-out", lambda request: HttpResponse("Signed out")),
    path("", include("social_django.urls", namespace="social")),
]

if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    wsgiref.simple_server.make_server("127.0.0.1", PORT, get_wsgi_application()).serve_forever()
