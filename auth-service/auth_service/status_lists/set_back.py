"""Notices a database that was set back without the command `restore`: an old backup, a snapshot, a lost standby.

Then sign-outs and revocations of before are undone, and verifiers that ran on refuse new tokens. The version of a list
only grows, so it is seen by a version that was signed before and is greater than the stored one. This process
remembers what it has signed; after a restart, the reports of verifiers say what they hold.
"""

from collections.abc import Mapping

import structlog

from .epochs import ListName

_log = structlog.get_logger(__name__)


class SetBackWatch:
    def __init__(self) -> None:
        self._epoch = -1  # the newest epoch of the stored lists when it was noticed
        self._newest = 0

    @property
    def is_set_back(self) -> bool:
        """Whether the database was set back, and `restore` has begun no new epoch since."""
        return self._newest <= self._epoch

    def compare(self, signed: Mapping[ListName, int], stored: Mapping[ListName, int]) -> None:
        """Compare the versions of lists that were signed with those that the database has now, and log the first find.

        A list that has not been closed and is not there any more counts too, if the epoch is the same.
        """
        self._newest = max((name.epoch for name in stored), default=0)
        last = max((name.id for name in stored), default=0)
        for name, version in signed.items():
            is_lost = bool(stored) and name.epoch == self._newest and name.id > last
            if (is_lost or version > stored.get(name, version)) and not self.is_set_back:
                self._epoch = self._newest
                _log.error("database_set_back", status_list=str(name), signed=version, stored=stored.get(name))
