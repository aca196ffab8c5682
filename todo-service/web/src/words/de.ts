// German. The same sentences are in auth-service's mail/languages/de.toml where the hosted pages have them, too.

/** What the browser calls the application where it is installed. */
export const manifest = new URL("../manifest.de.webmanifest", import.meta.url).href;

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
  "Sign in by mail": "Per Mail anmelden",
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
  "Your account has no password. You sign in by a passkey, by mail or at another site.":
    "Dein Konto hat kein Passwort. Du meldest dich mit einem Passkey, per Mail oder bei einem anderen Anbieter an.",
  "Set a password": "Passwort setzen",
  "You signed in a while ago.": "Deine Anmeldung ist eine Weile her.",
  "See your devices at your account": "Deine Geräte siehst du in deinem Konto",
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

  // Pages and their frame
  Todos: "Todos",
  Account: "Konto",
  "Sign out": "Abmelden",
  "Sign out again": "Noch einmal abmelden",
  "Sign out and lose it": "Trotzdem abmelden",
  "One change is not sent yet, and would be lost.": "Eine Änderung ist noch nicht gesendet und ginge verloren.",
  "{number} changes are not sent yet, and would be lost.":
    "{number} Änderungen sind noch nicht gesendet und gingen verloren.",
  Stay: "Bleiben",
  "Signing out failed. You are still signed in.": "Das Abmelden ist fehlgeschlagen. Du bist noch angemeldet.",
  "← Your todos": "← Deine Todos",
  "Not without a network": "Nicht ohne Netz",
  "Your todos are on this device. This page is not: it opens when the network is back.":
    "Deine Todos sind auf diesem Gerät. Diese Seite nicht: Sie öffnet sich, wenn das Netz wieder da ist.",
  "Just a moment": "Einen Augenblick",
  "The sign-in service does not answer right now, so we cannot tell who you are.":
    "Der Anmeldedienst antwortet gerade nicht. Deshalb wissen wir nicht, wer du bist.",
  "Nothing here": "Hier ist nichts",
  "There is nothing here": "Hier ist nichts",
  "Back to your todos": "Zurück zu deinen Todos",
  "To your todos": "Zu deinen Todos",
  "Continue with {name}": "Weiter mit {name}",
  "Lost the app and the codes?": "App und Codes verloren?",
  "Fill in this field.": "Fülle dieses Feld aus.",
  "Show current password": "Aktuelles Passwort zeigen",
  "Show new password": "Neues Passwort zeigen",
  "Reference: {number}": "Kennung: {number}",

  // Failures
  "You did not continue there. Try again, or sign in another way.":
    "Du hast dort abgebrochen. Versuche es noch einmal, oder melde dich anders an.",
  "There is an account with that address. Sign in to it, then connect the other site in Settings.":
    "Mit dieser Adresse gibt es ein Konto. Melde dich daran an, und verbinde den anderen Anbieter dann in den Einstellungen.",
  "The other site did not tell your email address, which an account here needs.":
    "Der andere Anbieter hat deine E-Mail-Adresse nicht genannt, die ein Konto hier braucht.",
  "No account here is connected to you there. Sign in another way.":
    "Mit deinem Konto dort ist hier keines verbunden. Melde dich anders an.",
  "The other site cannot be used right now. Try again in a moment, or sign in another way.":
    "Der andere Anbieter ist gerade nicht erreichbar. Versuche es gleich noch einmal, oder melde dich anders an.",
  "The other site cannot be used right now. Try again in a moment.":
    "Der andere Anbieter ist gerade nicht erreichbar. Versuche es gleich noch einmal.",
  "That did not work. Try again, or sign in another way.":
    "Das hat nicht geklappt. Versuche es noch einmal, oder melde dich anders an.",
  "Passkeys do not work in this browser at the moment.": "Passkeys funktionieren in diesem Browser gerade nicht.",
  "No passkey was used. Try again, or sign in with your password.":
    "Es wurde kein Passkey verwendet. Versuche es noch einmal, oder melde dich mit deinem Passwort an.",
  "The answer was empty. Try again in a moment.": "Die Antwort war leer. Versuche es gleich noch einmal.",
  "This was refused ({status}).": "Das wurde abgelehnt ({status}).",
  "Somebody else has signed in meanwhile.": "Inzwischen hat sich jemand anderes angemeldet.",
  "Too many requests.": "Zu viele Anfragen.",
  "This list is shared with you to look at, not to change.":
    "Diese Liste ist für dich zum Ansehen freigegeben, nicht zum Ändern.",
  "This belongs to somebody else.": "Das gehört jemand anderem.",
  "You have reached the limit of todos. Delete some to make room.":
    "Du hast die höchste Zahl an Todos erreicht. Lösche einige, um Platz zu schaffen.",
  "This todo no longer exists.": "Dieses Todo gibt es nicht mehr.",
  "The same request is still running.": "Dieselbe Anfrage läuft noch.",
  "This todo has been changed somewhere else in the meantime.": "Dieses Todo wurde inzwischen woanders geändert.",
  "This is too long.": "Das ist zu lang.",
  "The list has changed too much. Load it again.": "Die Liste hat sich zu sehr geändert. Lade sie neu.",
  "Signing in cannot be checked right now. Try again in a moment.":
    "Die Anmeldung kann gerade nicht geprüft werden. Versuche es gleich noch einmal.",
  "Todos cannot be read or written right now. Try again in a moment.":
    "Todos können gerade nicht gelesen oder geschrieben werden. Versuche es gleich noch einmal.",
  "Something is broken on our side. Nothing was changed.": "Bei uns ist etwas kaputt. Es wurde nichts geändert.",
  "This application is not allowed to do that.": "Diese Anwendung darf das nicht.",
  "This application is not allowed to do that: it lacks the permission {scope}.":
    "Diese Anwendung darf das nicht: Ihr fehlt die Erlaubnis {scope}.",
  "This is not accepted.": "Das wird nicht angenommen.",
  "must not contain control characters": "darf keine Steuerzeichen enthalten",
  "must not contain control characters other than tab and line breaks":
    "darf außer Tabulator und Zeilenumbruch keine Steuerzeichen enthalten",
  "must not contain more than {number} combining marks in a row":
    "darf höchstens {number} Zeichen hintereinander enthalten, die auf demselben Buchstaben stehen",
  "must have 1 to {number} characters, at least one of them visible":
    "braucht 1 bis {number} Zeichen, mindestens eines davon sichtbar",
  "must have at most {number} characters": "darf höchstens {number} Zeichen haben",
  "It was sent a day ago, and the answer was lost. Look whether it is there already.":
    "Es wurde vor einem Tag gesendet, und die Antwort ging verloren. Sieh nach, ob es schon da ist.",

  // Without a network
  "it answers": "er wieder antwortet",
  "you are back": "du wieder online bist",
  "What you added is kept here, and sent when {when}.":
    "Was du hinzugefügt hast, bleibt hier und wird gesendet, sobald {when}.",
  "What you changed is kept here, and sent when {when}.":
    "Was du geändert hast, bleibt hier und wird gesendet, sobald {when}.",
  "What you added and changed is kept here, and sent when {when}.":
    "Was du hinzugefügt und geändert hast, bleibt hier und wird gesendet, sobald {when}.",
  "This device has no room left, so leave this page open until then.":
    "Auf diesem Gerät ist kein Platz mehr. Lass diese Seite bis dahin offen.",
  "This browser does not let anything be kept, so leave this page open until then.":
    "Dieser Browser lässt nichts aufbewahren. Lass diese Seite bis dahin offen.",
  "This device has no room left: your todos are here only while you are online.":
    "Auf diesem Gerät ist kein Platz mehr: Deine Todos sind nur hier, solange du online bist.",
  "This browser does not let anything be kept on this device: your todos are here only while you are online.":
    "Dieser Browser lässt auf diesem Gerät nichts aufbewahren: Deine Todos sind nur hier, solange du online bist.",
  "Not sent yet": "Noch nicht gesendet",
  "Not saved yet.": "Noch nicht gespeichert.",
  "Sending …": "Wird gesendet …",

  // Views and lists
  Views: "Ansichten",
  All: "Alle",
  Today: "Heute",
  Upcoming: "Demnächst",
  Inbox: "Eingang",
  Trash: "Papierkorb",
  Lists: "Listen",
  Search: "Suchen",
  open: "offen",
  "{open} open, {done} done today": "{open} offen, {done} heute erledigt",
  "No such list": "Diese Liste gibt es nicht",
  "New list": "Neue Liste",
  "A new list": "Eine neue Liste",
  "List: {name}": "Liste: {name}",
  "Change the list": "Liste ändern",
  "Change the list {name}": "Liste {name} ändern",
  "People of the list {name}": "Personen der Liste {name}",
  Change: "Ändern",
  People: "Personen",
  "Keep what belongs together in one place: work, home, a journey.":
    "Was zusammengehört, an einem Ort: Arbeit, Zuhause, eine Reise.",
  Colour: "Farbe",
  gray: "Grau",
  red: "Rot",
  orange: "Orange",
  yellow: "Gelb",
  green: "Grün",
  teal: "Türkis",
  blue: "Blau",
  purple: "Lila",
  pink: "Rosa",
  "Place: {number} of {total}": "Platz: {number} von {total}",
  "Move up": "Nach oben",
  "Move down": "Nach unten",
  Save: "Speichern",
  "Make the list": "Liste anlegen",
  Cancel: "Abbrechen",
  Close: "Schließen",
  "The list is empty.": "Die Liste ist leer.",
  "Its todo is deleted with it. You can undo this.": "Ihr Todo wird mit ihr gelöscht. Du kannst das rückgängig machen.",
  "Its {number} todos are deleted with it. You can undo this.":
    "Ihre {number} Todos werden mit ihr gelöscht. Du kannst das rückgängig machen.",
  "Delete the list": "Liste löschen",

  // Todos
  "New todo": "Neues Todo",
  "What needs doing?": "Was ist zu tun?",
  Add: "Hinzufügen",
  "Due: {when}": "Fällig: {when}",
  "Keep “{words}” as text": "„{words}“ als Text lassen",
  "“{title}” was not added.": "„{title}“ wurde nicht hinzugefügt.",
  "Discard it": "Verwerfen",
  "Nothing was pasted: at most {number} lines at once become todos.":
    "Es wurde nichts eingefügt: Höchstens {number} Zeilen auf einmal werden zu Todos.",
  "{number} lines were pasted, from “{first}” to “{last}”.":
    "{number} Zeilen wurden eingefügt, von „{first}“ bis „{last}“.",
  "Add {number} todos": "{number} Todos hinzufügen",
  "Paste as one line": "Als eine Zeile einfügen",
  "Added: {title}": "Hinzugefügt: {title}",
  "Added {number} todos": "{number} Todos hinzugefügt",
  "Moved to place {number} of {total}: {title}": "Auf Platz {number} von {total} verschoben: {title}",
  "Moved to the inbox: {title}": "In den Eingang verschoben: {title}",
  "Moved to {list}: {title}": "Nach {list} verschoben: {title}",
  "Deleted “{name}”": "Gelöscht: „{name}“",
  "Moved “{name}”": "Verschoben: „{name}“",
  "and {number} more": "und {number} weitere",
  Undo: "Rückgängig",
  Dismiss: "Ausblenden",
  Completed: "Erledigt",
  "Done: {title}": "Erledigt: {title}",
  "Drag to move": "Zum Verschieben ziehen",
  Edit: "Bearbeiten",
  "Details: {title}": "Details: {title}",
  "Delete: {title}": "Löschen: {title}",
  "Title of {title}": "Titel von {title}",
  "Late: {when}": "Überfällig: {when}",
  "Low priority": "Niedrige Priorität",
  "Medium priority": "Mittlere Priorität",
  "High priority": "Hohe Priorität",
  "This was deleted somewhere else.": "Das wurde woanders gelöscht.",
  "It is now “{title}”.": "Es heißt jetzt „{title}“.",
  "Bring it back with mine": "Mit meinem Text zurückholen",
  "Save mine": "Meine Fassung speichern",
  Discard: "Verwerfen",
  "“{title}”: what you changed without a network ({what}) is not saved.":
    "„{title}“: Was du ohne Netz geändert hast ({what}), ist nicht gespeichert.",
  "its new name": "der neue Name",
  "its notes": "die Notizen",
  "that it is done, or open": "ob es erledigt ist",
  "its priority": "die Priorität",
  "its date": "das Datum",
  "its place": "der Platz",
  "its list": "die Liste",
  "that it is deleted": "dass es gelöscht ist",

  // Details
  Details: "Details",
  "Close details": "Details schließen",
  Title: "Titel",
  Due: "Fällig",
  Yesterday: "Gestern",
  Tomorrow: "Morgen",
  "Next Monday": "Nächsten Montag",
  "No date": "Kein Datum",
  Date: "Datum",
  Time: "Uhrzeit",
  Priority: "Priorität",
  None: "Keine",
  Low: "Niedrig",
  Medium: "Mittel",
  High: "Hoch",
  List: "Liste",
  Place: "Platz",
  Notes: "Notizen",
  "No notes": "Keine Notizen",
  "Edit notes": "Notizen bearbeiten",
  "Save notes": "Notizen speichern",
  "Done:": "Erledigt:",
  "Open:": "Offen:",
  Table: "Tabelle",
  "This list is shared with you to look at.": "Diese Liste ist für dich zum Ansehen freigegeben.",

  // Empty pages
  "A clear page": "Ein leeres Blatt",
  "Write down the first thing that is on your mind, and press Enter.":
    "Schreibe auf, was dir zuerst einfällt, und drücke Enter.",
  "Nothing due today": "Heute ist nichts fällig",
  "A todo with a date appears here on its day. What you add here is due today.":
    "Ein Todo mit Datum erscheint hier an seinem Tag. Was du hier hinzufügst, ist heute fällig.",
  "Nothing ahead": "Nichts steht an",
  "Give a todo a date in its details, and it waits here until its day.":
    "Gib einem Todo in seinen Details ein Datum, und es wartet hier bis zu seinem Tag.",
  "An empty list": "Eine leere Liste",
  "What you add here stays here. Todos of other lists can be dragged onto this one's name.":
    "Was du hier hinzufügst, bleibt hier. Todos anderer Listen kannst du auf den Namen dieser Liste ziehen.",
  "This list is not here": "Diese Liste ist nicht hier",
  "It may have been deleted. Its todos are deleted with it.":
    "Vielleicht wurde sie gelöscht. Ihre Todos sind mit ihr gelöscht.",
  "Nothing in the trash": "Der Papierkorb ist leer",
  "What you delete stays here for 30 days, and can be brought back.":
    "Was du löschst, bleibt 30 Tage lang hier und kann zurückgeholt werden.",
  "All done": "Alles erledigt",
  "Nothing is waiting for you.": "Es wartet nichts auf dich.",
  "Nothing found": "Nichts gefunden",
  "Search looks at titles and notes, also of completed todos.":
    "Gesucht wird in Titeln und Notizen, auch von erledigten Todos.",

  // Trash
  "A list with its todos, deleted {when}": "Eine Liste mit ihren Todos, gelöscht {when}",
  "Deleted {when}": "Gelöscht {when}",
  Restore: "Zurückholen",
  "Restore: {name}": "Zurückholen: {name}",
  "Restored: {name}": "Zurückgeholt: {name}",
  "Show more": "Mehr zeigen",

  // Keyboard
  Keyboard: "Tastatur",
  Space: "Leertaste",
  Enter: "Enter",
  Delete: "Entf",
  Escape: "Esc",
  Ctrl: "Strg",
  "Write a new todo": "Ein neues Todo schreiben",
  "Go through the list": "Durch die Liste gehen",
  "Move the todo up or down": "Das Todo nach oben oder unten schieben",
  "Tick off, on a checkbox": "Abhaken, auf einem Kästchen",
  "Edit a title, and save it": "Einen Titel bearbeiten und speichern",
  "Details of the todo": "Details des Todos",
  "Delete the todo": "Das Todo löschen",
  "Discard the edit, close the details": "Die Änderung verwerfen, die Details schließen",
  "Undo the last deletion or move": "Letztes Löschen oder Verschieben rückgängig machen",
  "Show this page": "Diese Seite zeigen",

  // Sharing
  Share: "Teilen",
  "Share …": "Teilen …",
  "Share: {name}": "Teilen: {name}",
  "Share “{name}”": "„{name}“ teilen",
  "Shared with {number}": "Mit {number} geteilt",
  "Shared with {number} …": "Mit {number} geteilt …",
  "Shared by {name}": "Geteilt von {name}",
  "{name} shares this list with you. You can look at it.": "{name} teilt diese Liste mit dir. Du kannst sie ansehen.",
  "{name} shares this list with you. You can edit what is in it.":
    "{name} teilt diese Liste mit dir. Du kannst bearbeiten, was darin ist.",
  "can edit": "darf bearbeiten",
  "can look": "darf ansehen",
  "you, the owner": "du besitzt die Liste",
  "the owner": "besitzt die Liste",
  "you, ": "du, ",
  "since {day}": "seit {day}",
  "until {day}": "bis {day}",
  "What {name} may do": "Was {name} darf",
  Remove: "Entfernen",
  "Remove {name}": "{name} entfernen",
  "Open invitations": "Offene Einladungen",
  "To edit": "Zum Bearbeiten",
  "To look": "Zum Ansehen",
  Withdraw: "Zurückziehen",
  "Whoever gets the link": "Wer den Link bekommt",
  "Make a link": "Link anlegen",
  "Send this link to one person. It works once, for a week.":
    "Schicke diesen Link an eine Person. Er gilt einmal und eine Woche lang.",
  Copy: "Kopieren",
  Copied: "Kopiert",
  "Leave the list": "Liste verlassen",
  Invitation: "Einladung",
  "This invitation cannot be used any more: it was used or withdrawn, or it is older than a week.":
    "Diese Einladung gilt nicht mehr: Sie wurde benutzt oder zurückgezogen, oder sie ist älter als eine Woche.",
  "This invitation is yours: the list is your own.": "Diese Einladung ist von dir: Die Liste gehört dir.",
  "{name} shares this list with you. You can see its todos.":
    "{name} teilt diese Liste mit dir. Du kannst ihre Todos sehen.",
  "{name} shares this list with you. You can see its todos, add some and change them.":
    "{name} teilt diese Liste mit dir. Du kannst ihre Todos sehen, welche hinzufügen und sie ändern.",
  "Your name": "Dein Name",
  "The others on this list see it.": "Die anderen auf dieser Liste sehen ihn.",
  "Join the list": "Der Liste beitreten",
  "Not now": "Nicht jetzt",

  // The account
  "Signed in as {email}": "Angemeldet als {email}",
  "What we call you": "Wie wir dich nennen",
  "Write a name.": "Gib einen Namen ein.",
  Appearance: "Darstellung",
  Colours: "Farben",
  System: "System",
  Light: "Hell",
  Dark: "Dunkel",
  Rows: "Zeilen",
  Comfortable: "Luftig",
  Compact: "Kompakt",
  "This browser keeps it.": "Dieser Browser merkt es sich.",
  "It counts for the pages of your account, too, in this browser.":
    "Sie gilt in diesem Browser auch für die Seiten deines Kontos.",
  "Signing in": "Anmeldung",
  "Second factor": "Zweiter Faktor",
  "A code from an app on your phone, after the password":
    "Ein Code aus einer App auf deinem Telefon, nach dem Passwort",
  Passkeys: "Passkeys",
  "Sign in by fingerprint, face or the PIN of a device":
    "Anmelden mit Fingerabdruck, Gesicht oder der PIN eines Geräts",
  "For signing in, and for mails about your account": "Zum Anmelden und für Mails zu deinem Konto",
  "All of your account": "Alles zu deinem Konto",
  "Applications, other ways to sign in, recent activity": "Anwendungen, andere Anmeldungen, letzte Ereignisse",
  "Your data": "Deine Daten",
  "All todos and lists that are yours, as a JSON file.": "Alle Todos und Listen, die dir gehören, als JSON-Datei.",
  "Download your todos": "Todos herunterladen",
  "Data of your account": "Daten deines Kontos",
  "Delete the account": "Konto löschen",
  "Delete the account …": "Konto löschen …",
  "For good, with all todos and lists that are yours. The next page asks you to confirm it.":
    "Für immer, mit allen Todos und Listen, die dir gehören. Auf der nächsten Seite bestätigst du es.",
  "Save name": "Namen speichern",
  "Saved.": "Gespeichert.",
  "Current password": "Aktuelles Passwort",
  "New password": "Neues Passwort",
  "Change password": "Passwort ändern",
  "Your password is changed.": "Dein Passwort ist geändert.",
  "Where you are signed in": "Wo du angemeldet bist",
  "This device": "Dieses Gerät",
  "signed in {when}": "angemeldet {when}",
  "last refresh {when}": "zuletzt erneuert {when}",
  "{browser} on {system}": "{browser} auf {system}",
  "A program or an unknown browser": "Ein Programm oder ein unbekannter Browser",
  "just now": "gerade eben",
  "Sign out {device}": "{device} abmelden",
  "Sign out {device} at {address}": "{device} bei {address} abmelden",
  "Sign out everywhere": "Überall abmelden",
  "Sign out everywhere else": "Überall sonst abmelden",
  "You signed in a while ago. To see your devices, confirm that it is you.":
    "Du hast dich vor einer Weile angemeldet. Bestätige, dass du es bist, um deine Geräte zu sehen.",
  Confirm: "Bestätigen",

  "Without the network this is what this device has seen of the trash.":
    "Ohne Netz steht hier, was dieses Gerät vom Papierkorb gesehen hat.",
  "its colour": "die Farbe",
  "that it is back": "dass es wieder da ist",
  "The list “{name}” is no longer shared with you.": "Die Liste „{name}“ wird nicht mehr mit dir geteilt.",
  "The list “{name}” was not made.": "Die Liste „{name}“ wurde nicht angelegt.",
  "Put its todos into the inbox": "Ihre Todos in den Eingang legen",
  "This list has been changed somewhere else in the meantime.": "Diese Liste wurde inzwischen anderswo geändert.",
  "This list no longer exists.": "Diese Liste gibt es nicht mehr.",
  "The list that it is for is not there any more.": "Die Liste, für die es ist, gibt es nicht mehr.",
  "Put it into the inbox": "In den Eingang legen",
  "Copy the text": "Text kopieren",
  "This list is not sent yet. It can be shared as soon as the network is back.":
    "Diese Liste ist noch nicht gesendet. Sobald das Netz wieder da ist, kannst du sie teilen.",
  "Sharing needs the network: who is on a list is decided by the service, at once for everybody. Your list and its todos can be changed meanwhile.":
    "Teilen braucht das Netz: Wer zu einer Liste gehört, entscheidet der Dienst, für alle sofort. Deine Liste und ihre Todos kannst du inzwischen ändern.",

  "{number} were due before today.": "{number} waren vor heute fällig.",
  "Move them to today": "Auf heute verschieben",
  "Moved {number} todos to today": "{number} Todos auf heute verschoben",
} as const;
