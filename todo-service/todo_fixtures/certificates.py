"""A server's certificate and its authority, valid for a day."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


def write_certificate(folder: Path, *names: str, address: str | None = None) -> tuple[Path, Path]:
    """Write two files: the server's certificate with its key, and the authority's certificate."""
    authority, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])

    def sign(subject: x509.Name, public_key: ec.EllipticCurvePublicKey, extension: x509.ExtensionType) -> bytes:
        builder = x509.CertificateBuilder(issuer, subject, public_key, x509.random_serial_number())
        builder = builder.not_valid_before(datetime.now(UTC) - timedelta(days=1))
        builder = builder.not_valid_after(datetime.now(UTC) + timedelta(days=1))
        return builder.add_extension(extension, critical=False).sign(authority, SHA256()).public_bytes(Encoding.PEM)

    proved: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
    if address is not None:
        proved.append(x509.IPAddress(ip_address(address)))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "server.pem").write_bytes(sign(subject, key.public_key(), x509.SubjectAlternativeName(proved)) + private)
    (folder / "ca.pem").write_bytes(sign(issuer, authority.public_key(), x509.BasicConstraints(ca=True, path_length=0)))
    return folder / "server.pem", folder / "ca.pem"
