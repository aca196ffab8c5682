// German. The same sentences are in auth-service's mail/languages/de.toml where the hosted pages have them, too.

export const words = {
  "Sign in": "Anmelden",
  "Welcome back": "Willkommen zurück",
  "Your session has ended. Sign in to continue; what you typed is still there.":
    "Deine Sitzung ist zu Ende. Melde dich an, um weiterzumachen; was du eingegeben hast, ist noch da.",
  "Email address": "E-Mail-Adresse",
  Password: "Passwort",
  Name: "Name",
  Show: "Zeigen",
  Hide: "Verbergen",
  "Show password": "Passwort zeigen",
  "Forgot password?": "Passwort vergessen?",
  "Keep me signed in on this device": "Auf diesem Gerät angemeldet bleiben",
  "No account yet?": "Noch kein Konto?",
  "Create an account": "Konto anlegen",
  "Create account": "Konto anlegen",
  "Have an account?": "Du hast schon ein Konto?",
  "Use a passkey": "Passkey verwenden",
  Code: "Code",
  "Enter the code": "Gib den Code ein",
  "Enter a recovery code": "Gib einen Wiederherstellungscode ein",
  "One of the ten codes that you kept when you set up your authenticator app. Each works once.":
    "Einen der zehn Codes, die du beim Einrichten deiner Authenticator-App aufbewahrt hast. Jeder gilt einmal.",
  "Your authenticator app shows six digits, and new ones every 30 seconds.":
    "Deine Authenticator-App zeigt sechs Ziffern, und alle 30 Sekunden neue.",
  "Recovery code": "Wiederherstellungscode",
  "Six-digit code": "Sechsstelliger Code",
  "Do not ask in this browser for 30 days": "In diesem Browser 30 Tage lang nicht fragen",
  "Use the authenticator app": "Authenticator-App verwenden",
  "Use a recovery code": "Wiederherstellungscode verwenden",
  "Back to the password": "Zurück zum Passwort",
  Language: "Sprache",
  "Skip to content": "Zum Inhalt springen",
  "Loading …": "Wird geladen …",
  "Send the mail again": "Mail noch einmal schicken",
  "Another mail is on its way to {email}.": "Eine weitere Mail ist unterwegs an {email}.",

  "At least 8 characters. A few words together are easy to remember.":
    "Mindestens 8 Zeichen. Ein paar Wörter zusammen merkt man sich leicht.",
  "Easy to guess. A few more words would help.": "Leicht zu erraten. Ein paar Wörter mehr würden helfen.",
  "Not bad. One more word makes it strong.": "Nicht schlecht. Noch ein Wort, und es ist stark.",
  "Strong.": "Stark.",
  "Use at least 8 characters.": "Nimm mindestens 8 Zeichen.",
  "Use at most 128 characters.": "Nimm höchstens 128 Zeichen.",
  "This password is little more than your name or address. Choose another.":
    "Dieses Passwort ist kaum mehr als dein Name oder deine Adresse. Wähle ein anderes.",
  "This password is among the most common ones, or other services have lost it. Choose another.":
    "Dieses Passwort gehört zu den häufigsten, oder andere Dienste haben es verloren. Wähle ein anderes.",
  "This password would be refused.": "Dieses Passwort würde abgelehnt.",
  "This is not your password.": "Das ist nicht dein Passwort.",

  "The email address or the password is wrong.": "Die E-Mail-Adresse oder das Passwort ist falsch.",
  "There is an account with this address already. Sign in instead.":
    "Mit dieser Adresse gibt es schon ein Konto. Melde dich an.",
  "This code is not valid. Enter the newest one; each works once.":
    "Dieser Code gilt nicht. Gib den neuesten ein; jeder gilt einmal.",
  "This is none of your recovery codes, or it was used already.":
    "Das ist keiner deiner Wiederherstellungscodes, oder er wurde schon benutzt.",
  "This is not an email address.": "Das ist keine E-Mail-Adresse.",
  "This account is suspended.": "Dieses Konto ist gesperrt.",
  "That took too long. Try again.": "Das hat zu lange gedauert. Versuche es noch einmal.",
  "This passkey belongs to no account here any more. Sign in with your password.":
    "Dieser Passkey gehört hier zu keinem Konto mehr. Melde dich mit deinem Passwort an.",
  "This passkey could not be checked. Try again, or sign in with your password.":
    "Dieser Passkey konnte nicht geprüft werden. Versuche es noch einmal, oder melde dich mit deinem Passwort an.",
  "Too many attempts.": "Zu viele Versuche.",
  "There was no valid code in time. Enter your password again.":
    "Es kam rechtzeitig kein gültiger Code. Gib dein Passwort noch einmal ein.",
  "Confirm that it is you.": "Bestätige, dass du es bist.",
  "Confirm your address first: a mail with a link is on its way.":
    "Bestätige zuerst deine Adresse: Eine Mail mit einem Link ist unterwegs.",
  "Your session has ended.": "Deine Sitzung ist zu Ende.",
  "Signing in is not possible right now. Try again in a moment.":
    "Anmelden geht gerade nicht. Versuche es gleich noch einmal.",
  "Something is broken on our side. Try again in a moment.":
    "Bei uns ist etwas kaputt. Versuche es gleich noch einmal.",
  "You are offline.": "Du bist offline.",
  "The service cannot be reached right now.": "Der Dienst ist gerade nicht erreichbar.",
  "Your browser did not keep the sign-in. Allow cookies for this site. If they are allowed, another application of this site is in the way: delete this site’s cookies, and sign in again.":
    "Dein Browser hat die Anmeldung nicht behalten. Erlaube Cookies für diese Seite. Wenn sie erlaubt sind, ist eine andere Anwendung dieser Seite im Weg: Lösche die Cookies dieser Seite, und melde dich wieder an.",
  "Try again {when}.": "Versuche es {when} noch einmal.",
  "Try again": "Noch einmal versuchen",
  "in a moment": "gleich",
  "in 1 second": "in 1 Sekunde",
  "in {number} seconds": "in {number} Sekunden",
  "in {number} minutes": "in {number} Minuten",
  now: "jetzt",
  "Without the network this is what this device has seen of the trash.":
    "Ohne Netz steht hier, was dieses Gerät vom Papierkorb gesehen hat.",
  "A list with its todos": "Eine Liste mit ihren Aufgaben",
  "Not sent yet": "Noch nicht gesendet",
  "its new name": "der neue Name",
  "its notes": "die Notizen",
  "that it is done, or open": "dass sie erledigt oder offen ist",
  "its priority": "die Priorität",
  "its date": "das Datum",
  "its place": "der Platz",
  "its list": "die Liste",
  "its colour": "die Farbe",
  "that it is back": "dass sie wieder da ist",
  "that it is deleted": "dass sie gelöscht ist",
  "what you changed without a network ({what}) is not saved.":
    "Was du ohne Netz geändert hast ({what}), ist nicht gespeichert.",
  "It is now": "Jetzt heißt sie",
  "Bring it back with mine": "Mit meinem Text zurückholen",
  "Save mine": "Meins speichern",
  Discard: "Verwerfen",
  "The list “{name}” is no longer shared with you.": "Die Liste „{name}“ wird nicht mehr mit dir geteilt.",
  "The list “{name}” was not made.": "Die Liste „{name}“ wurde nicht angelegt.",
  "Put its todos into the inbox": "Ihre Aufgaben in den Eingang legen",
  "This list has been changed somewhere else in the meantime.": "Diese Liste wurde inzwischen anderswo geändert.",
  "This list no longer exists.": "Diese Liste gibt es nicht mehr.",
  "was not added.": "wurde nicht angelegt.",
  "The list that it is for is not there any more.": "Die Liste, für die sie ist, gibt es nicht mehr.",
  "Put it into the inbox": "In den Eingang legen",
  Copied: "Kopiert",
  "Copy the text": "Text kopieren",
  "This list is not sent yet. It can be shared as soon as the network is back.":
    "Diese Liste ist noch nicht gesendet. Sobald das Netz wieder da ist, kannst du sie teilen.",
  "Sharing needs the network: who is on a list is decided by the service, at once for everybody. Your list and its todos can be changed meanwhile.":
    "Teilen braucht das Netz: Wer zu einer Liste gehört, entscheidet der Dienst, für alle sofort. Deine Liste und ihre Aufgaben kannst du inzwischen ändern.",
} as const;
