"""`python -m atjwt serve`: the sidecar, configured by the environment. It needs the extra `serve`."""

import os
import sys

from .sidecar_settings import HELP, PREFIX, InvalidSettings, read_settings

USAGE = "usage: python -m atjwt serve\n\nAnswers a proxy's question whether a request may pass. Environment:\n"


def main() -> int:
    if sys.argv[1:] != ["serve"]:
        wanted = sys.argv[1:] in (["--help"], ["-h"], ["serve", "--help"])
        told = "".join(f"\n  {PREFIX + name:<24}{text}" for name, text in HELP.items())
        (sys.stdout if wanted else sys.stderr).write(f"{USAGE}{told}\n")
        return 0 if wanted else 2
    try:
        sidecar, listening = read_settings(os.environ)
    except InvalidSettings as error:
        sys.stderr.writelines(f"atjwt: {line}\n" for line in str(error).splitlines())
        return 2
    try:
        import uvicorn
    except ModuleNotFoundError:
        sys.stderr.write("atjwt: the sidecar needs uvicorn: pip install 'atjwt[serve]'\n")
        return 1
    # No access log: the proxy has one, and a line per request would cost more than the check.
    uvicorn.run(
        sidecar,
        host=listening.host,
        port=listening.port,
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
