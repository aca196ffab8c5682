"""The pages at which people sign in, sign up, choose, agree and sign out (README, "Pages").

They are forms and links, and work without a script. A page that belongs to an authorization request carries its handle;
when its form is done the browser goes back to /oauth/authorize, which decides what is next. So no page knows what comes
after it, and no address to return to is ever taken from a request.

Each form carries a token of its browser and session (browsers.py), and is answered with 303; signing out may end on a
page that can be reloaded.
"""

from . import consent, select_account, signin, signout, signup, stylesheet

routers = (signin.router, signup.router, select_account.router, consent.router, signout.router, stylesheet.router)
