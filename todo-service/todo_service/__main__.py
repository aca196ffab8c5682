"""The command line: `python -m todo_service --help`."""

import sys
from types import ModuleType

# Packages that others load if they are there: structlog loads rich for coloured tracebacks, cryptography loads bcrypt
# for keys of OpenSSH. Neither is used here, and they take 5 MB of memory.
_UNWANTED = ("rich", "bcrypt")
for name in _UNWANTED:
    sys.modules[name] = None  # type: ignore[assignment]  # an import of it fails
import structlog  # noqa: E402, F401 - loaded now, while rich is absent
from cryptography.hazmat.primitives import serialization  # noqa: E402, F401 - the same for bcrypt

for name in _UNWANTED:
    del sys.modules[name]
# Others load these for what is not used here, and do without them: redis-py to export its own metrics (spans do not use
# it), FastAPI to refuse models of Pydantic 1. They take 3 MB.
for name in ("opentelemetry.sdk.metrics", "pydantic.v1"):
    sys.modules[name] = None  # type: ignore[assignment]  # an import of it fails
from pydantic import BaseModel  # noqa: E402 - without pydantic.v1

# uvicorn always loads its command line with its supervisors and click, which are not used here. An empty module has the
# names that uvicorn imports from it. They take 1.6 MB.
sys.modules["uvicorn.main"] = ModuleType("uvicorn.main")
vars(sys.modules["uvicorn.main"]).update(Server=None, main=None, run=None)
import uvicorn.server  # noqa: E402 - while its command line is absent

for module in (uvicorn, sys.modules["uvicorn.main"]):  # sse-starlette, for one, needs it
    vars(module)["Server"] = uvicorn.server.Server
# FastAPI's models of an OpenAPI document are built at the first request for /openapi.json. They take 1.5 MB.
BaseModel.model_config["defer_build"] = True
import fastapi.openapi.models  # noqa: E402, F401 - with what it imports

del BaseModel.model_config["defer_build"]

from .commands import main  # noqa: E402 - which imports structlog

if __name__ == "__main__":
    main()
