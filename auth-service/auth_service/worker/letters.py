"""The words of each mail that is due. Only here it is decided whether an address has an account."""

from dataclasses import dataclass

from ..mail.kinds import Kind
from ..mail.letters import Letter, write_letter
from ..mail.outbox import OutgoingMail


@dataclass(frozen=True)
class LetterWriter:
    product: str
    host: str

    async def write(self, mail: OutgoingMail) -> Letter | None:
        """The letter. None: there is nobody to send it to."""
        facts = {"product": self.product, "host": self.host}
        return write_letter(Kind(mail.kind), mail.language, facts)
