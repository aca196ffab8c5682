"""A Django site with django-allauth and its provider `openid_connect`."""

import os
import wsgiref.simple_server

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import include, path

PORT, FOLDER = int(os.environ["PORT"]), os.environ["FOLDER"]
OURS = {
    "provider_id": "ours",
    "name": "Ours",
    "client_id": os.environ["CLIENT_ID"],
    "secret": os.environ["CLIENT_SECRET"],
    "settings": {"server_url": os.environ["ISSUER"]},
}

settings.configure(
    SECRET_KEY=os.environ["CLIENT_SECRET"],
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.messages",
        "django.contrib.sessions",
        "allauth",
        "allauth.account",
        "allauth.socialaccount",
        "allauth.socialaccount.providers.openid_connect",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "allauth.account.middleware.AccountMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
        }
    ],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{FOLDER}/site.sqlite3"}},
    AUTHENTICATION_BACKENDS=["allauth.account.auth_backends.AuthenticationBackend"],
    SOCIALACCOUNT_PROVIDERS={"openid_connect": {"APPS": [OURS]}},
    SOCIALACCOUNT_LOGIN_ON_GET=True,
    EMAIL_BACKEND="django.core.mail.backends.dummy.EmailBackend",
    LOGIN_REDIRECT_URL="/",
)
django.setup()


def home(request: HttpRequest) -> HttpResponse:
    if not request.user.is_authenticated:
        return redirect("openid_connect_login", provider_id="ours")
    return HttpResponse(f"Signed in as {request.user.email}")


def sign_out(request: HttpRequest) -> HttpResponse:
    """A link, as the test opens it; the library's own view takes only POST."""
    django.contrib.auth.logout(request)
    return HttpResponse("Signed out")


urlpatterns = [path("", home), path("logout", sign_out), path("accounts/", include("allauth.urls"))]

if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    wsgiref.simple_server.make_server("127.0.0.1", PORT, get_wsgi_application()).serve_forever()
