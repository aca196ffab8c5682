"""Make an authority for this installation, and the gateway's certificate, signed by it.

    python deploy/authority.py AUTHORITY_FOLDER GATEWAY_FOLDER NAME...

Runs with the virtual environment's Python, because that of run.py may lack `cryptography`. A certificate that is still
valid is kept. So browsers have to trust a new authority only when the names change or the authority gets too old.
"""

import ipaddress
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_TTL, CERTIFICATE_TTL = timedelta(days=1825), timedelta(days=397)  # some clients refuse longer ones
RENEWED_BEFORE = timedelta(days=30)
SKEW = timedelta(hours=1)  # for clients whose clock is a little behind


@dataclass(frozen=True)
class Pair:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def read(cls, folder: Path, name: str) -> "Pair | None":
        try:
            certificate = x509.load_pem_x509_certificate((folder / f"{name}.crt").read_bytes())
            key = load_pem_private_key((folder / f"{name}.key").read_bytes(), None)
        except (FileNotFoundError, ValueError):
            return None
        own = isinstance(key, ec.EllipticCurvePrivateKey) and key.public_key() == certificate.public_key()
        return cls(certificate, key) if own and isinstance(key, ec.EllipticCurvePrivateKey) else None

    def write(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        key, certificate = folder / f"{name}.key", folder / f"{name}.crt"
        key.unlink(missing_ok=True)
        key.touch(mode=0o600)
        key.write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        certificate.write_bytes(self.certificate.public_bytes(Encoding.PEM))
        certificate.chmod(0o644)  # other users read the authority's certificate, whatever the umask

    def lasts(self, now: datetime) -> bool:
        return self.certificate.not_valid_after_utc - now > RENEWED_BEFORE


def certify(authority_folder: Path, gateway_folder: Path, names: Sequence[str], *, now: datetime) -> None:
    """Make or keep a certificate for these names that is valid for at least RENEWED_BEFORE."""
    authority = Pair.read(authority_folder, "authority")
    if authority is None or not authority.lasts(now) or find_constraints(authority.certificate) != constraints(names):
        authority = make_authority(names, now)
        authority.write(authority_folder, "authority")
    pair = Pair.read(gateway_folder, "gateway")
    if pair is None or not pair.lasts(now) or not is_signed(pair.certificate, authority, names):
        make_certificate(authority, names, now).write(gateway_folder, "gateway")


def make_authority(names: Sequence[str], now: datetime) -> Pair:
    """An authority that can sign for these names only (RFC 5280 §4.2.1.10), so trusting it cannot harm other sites."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"run.py on {names[0]}, made {now:%Y-%m-%d %H:%M:%S}")])
    builder = _builder(name, name, key, now, now + AUTHORITY_TTL).add_extension(
        x509.BasicConstraints(True, 0), critical=True
    )
    builder = builder.add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
    builder = builder.add_extension(constraints(names), critical=True)
    return Pair(builder.sign(key, SHA256()), key)


def make_certificate(authority: Pair, names: Sequence[str], now: datetime) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    until = min(now + CERTIFICATE_TTL, authority.certificate.not_valid_after_utc)
    builder = _builder(subject, authority.certificate.subject, key, now, until)
    builder = builder.add_extension(x509.BasicConstraints(False, None), critical=True)
    builder = builder.add_extension(_usage(digital_signature=True), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    builder = builder.add_extension(x509.SubjectAlternativeName([general_name(name) for name in names]), critical=False)
    issued_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    return Pair(builder.add_extension(issued_by, critical=False).sign(authority.key, SHA256()), key)


def is_signed(certificate: x509.Certificate, authority: Pair, names: Sequence[str]) -> bool:
    """Whether this authority signed the certificate, for exactly these names."""
    wanted = x509.SubjectAlternativeName([general_name(name) for name in names])
    if certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value != wanted:
        return False
    issuer = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    return issuer == x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())


def general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def constraints(names: Sequence[str]) -> x509.NameConstraints:
    subtrees = [general_name(name) for name in names]
    networks = [
        x509.IPAddress(ipaddress.ip_network(name.value)) if isinstance(name, x509.IPAddress) else name
        for name in subtrees
    ]
    return x509.NameConstraints(permitted_subtrees=networks, excluded_subtrees=None)


def find_constraints(certificate: x509.Certificate) -> x509.NameConstraints | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return None


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, until: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


if __name__ == "__main__":
    certify(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:], now=datetime.now(UTC))
