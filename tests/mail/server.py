"""A mail server for the tests, which says what it got on standard output, one JSON object a line.

The first line is {"port": ..., "ca": ...}; each mail is {"from", "to", "tls", "user", "client",
"headers", "plain", "html"}. It ends
when its standard input does.
"""

import argparse
import asyncio
import datetime
import email
import email.policy
import ipaddress
import json
import os
import ssl
import sys
import tempfile

from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

arguments = argparse.ArgumentParser()
arguments.add_argument("--port", type=int, default=0)
arguments.add_argument("--tls", choices=["none", "starttls", "implicit"], default="none")
arguments.add_argument("--login", help="user:password, without which no mail is taken")
arguments.add_argument("--refuse", action="append", default=[], help="an address that nobody has")
arguments.add_argument("--busy", action="append", default=[], help="an address that cannot take mail now")
arguments.add_argument("--full-names", action="store_true", help="reject a client that names itself without a dot")
arguments.add_argument("--no-clients", action="store_true", help="reject every client's name")
arguments.add_argument("--no-sender", choices=["at-once", "delayed"], help="reject every sender")
arguments.add_argument("--silent", action="store_true", help="never answer to the end of a mail")
options = arguments.parse_args()


def say(**members):
    print(json.dumps(members), flush=True)


def certificates():
    """An authority of its own, and a certificate for this machine; the server's context, the authority."""
    now = datetime.datetime.now(datetime.timezone.utc)

    def certificate(name, key, issuer, issuer_key, *extensions):
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(issuer_key, hashes.SHA256())

    def named(text):
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority_name = named("authority of a test")
    authority = certificate(
        authority_name,
        authority_key,
        authority_name,
        authority_key,
        (x509.BasicConstraints(ca=True, path_length=0), True),
    )
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    own = certificate(
        named("mail server of a test"),
        key,
        authority_name,
        authority_key,
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (x509.SubjectAlternativeName(names), False),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
    )
    pem = serialization.Encoding.PEM
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as chain:
        chain.write(own.public_bytes(pem))
        chain.write(
            key.private_bytes(
                pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        chain.flush()
        context.load_cert_chain(chain.name)
    return context, authority.public_bytes(pem).decode()


def read(content):
    """The mail as a mail program reads it."""
    mail = email.message_from_bytes(content, policy=email.policy.default)
    part = {kind: mail.get_body([kind]) for kind in ("plain", "html")}
    return {
        "headers": [[name, str(value)] for name, value in mail.items()],
        **{kind: body and body.get_content() for kind, body in part.items()},
    }


class Handler:
    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        if options.no_clients or (options.full_names and "." not in hostname):
            return [f"504 5.5.2 <{hostname}>: Helo command rejected: need fully-qualified hostname"]
        return responses

    async def handle_MAIL(self, server, session, envelope, address, mail_options):
        if options.no_sender == "at-once":
            return "550 5.7.1 Not allowed to send as this sender"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        if options.no_sender == "delayed":
            return f"553 5.7.1 <{envelope.mail_from}>: Sender address rejected: not owned by user"
        if address in options.refuse:
            return "550 5.1.1 No such user here"
        if address in options.busy:
            return "451 4.3.0 Try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if options.silent:
            say(silent=envelope.rcpt_tos)
            await asyncio.sleep(3600)
        say(**{
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "tls": session.ssl is not None or options.tls == "implicit",
            "user": session.auth_data,
            "client": session.host_name,
            **read(envelope.content),
        })
        return "250 Taken"


def authenticate(server, session, envelope, mechanism, data):
    given = f"{data.login.decode()}:{data.password.decode()}"
    if given != options.login:
        return AuthResult(success=False, handled=False)
    return AuthResult(success=True, auth_data=data.login.decode())


async def main():
    context, authority = certificates() if options.tls != "none" else (None, None)
    starttls = options.tls == "starttls"

    def connection():
        return SMTP(
            Handler(),
            hostname="mail.test",
            tls_context=context if starttls else None,
            require_starttls=starttls,
            authenticator=authenticate,
            auth_required=options.login is not None,
            auth_require_tls=starttls,
        )

    server = await asyncio.get_running_loop().create_server(
        connection,
        "127.0.0.1",
        options.port,
        ssl=context if options.tls == "implicit" else None,
    )
    say(port=server.sockets[0].getsockname()[1], ca=authority)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    # Connections in hand are of no interest any more.
    os._exit(0)


asyncio.run(main())
