"""`moderation moderator`: the people at the queue, and their roles."""

from collections.abc import Sequence
from typing import TextIO

import click

from moderation.actions import account, digests, feeds, identities, moderators, roles, sessions
from moderation.actions.moderators import COMMAND_LINE
from moderation.actions.services import Services
from moderation.actions.sites import find_site
from moderation.cli._options import as_json, choose_password, generate, opened_services, password_file
from moderation.cli._output import echo_status, print_json, print_table
from moderation.domain.decision import Moderator
from moderation.domain.digests import Digest, DigestPeriod
from moderation.domain.people import Grant, NamedGrant, Role

_name_argument = click.argument("name")
_role_type = click.Choice([role.value for role in Role])


@click.group()
def moderator() -> None:
    """Manage the people at the queue, and their roles."""


@moderator.command()
@_name_argument
@click.option("--role", type=_role_type, default=Role.MODERATOR.value, help="The role (default: moderator).")
@click.option("--site", "url", metavar="URL", help="Give the role on this site only, not on all sites.")
@password_file
@generate
@as_json
def add(name: str, role: str, url: str | None, password_file: TextIO | None, generate: bool, as_json: bool) -> None:
    """Add the moderator NAME. Asks for a password on a terminal; --json without a file generates one."""
    with opened_services() as services:
        granted = _grant(services, role, url)
        password, is_new = choose_password(password_file, generate or as_json)
        moderators.add_moderator(services, name, password, granted)
    _print_password(name, password if is_new else None, as_json)


@moderator.command(name="list")
@as_json
def list_moderators(as_json: bool) -> None:
    """List the moderators with their roles, sign-in (TOTP and the OIDC provider) and digests."""
    with opened_services() as services:
        people, granted = moderators.list_moderators(services), roles.list_roles(services)
        found = {digest.moderator: digest for digest in digests.list_digests(services)}
        subjects = identities.list_subjects(services)
    of = {person.name: [each for each in granted if each.name == person.name] for person in people}
    if as_json:
        plain = [_plain(person, of[person.name], found.get(person.name)) for person in people]
        print_json([each | {"subject": subjects.get(str(each["name"]))} for each in plain])
        return
    rows = []
    for person in people:
        shown, digest = ", ".join(map(_role_phrase, of[person.name])), found.get(person.name)
        digest_shown = f"{digest.period}, {digest.email}" if digest else "-"
        totp = "on" if person.has_totp else "off"
        linked = "linked" if person.name in subjects else "-"
        rows.append((person.name, f"{person.created_at:%Y-%m-%d}", shown or "none", totp, linked, digest_shown))
    print_table(("MODERATOR", "SINCE", "ROLES", "TOTP", "PROVIDER", "DIGEST"), rows)


@moderator.command()
@_name_argument
@click.argument("role", type=_role_type)
@click.option("--site", "url", metavar="URL", help="Give the role on this site only, not on all sites.")
def grant(name: str, role: str, url: str | None) -> None:
    """Give NAME a ROLE, in the place of the role on the same site, or on all sites."""
    with opened_services() as services:
        roles.grant_role(services, name, _grant(services, role, url), COMMAND_LINE)
    click.echo(f"{name} is {role} of {url or 'all sites'}.")


@moderator.command()
@_name_argument
@click.option("--site", "url", metavar="URL", help="Revoke the role on this site only.")
def revoke(name: str, url: str | None) -> None:
    """Revoke the roles of NAME. With the last one, the sessions end."""
    with opened_services() as services:
        left = roles.revoke_roles(services, name, find_site(services, url) if url else None, COMMAND_LINE)
    click.echo(f"{name} has {'no role' if not left else f'{left} other roles' if left > 1 else 'one other role'} now.")


@moderator.command()
@_name_argument
@password_file
@generate
@as_json
def reset(name: str, password_file: TextIO | None, generate: bool, as_json: bool) -> None:
    """Set a new password for NAME and end the sessions of the old one."""
    with opened_services() as services:
        password, is_new = choose_password(password_file, generate or as_json)
        moderators.reset_password(services, name, password)
    _print_password(name, password if is_new else None, as_json)


@moderator.command()
@_name_argument
def remove(name: str) -> None:
    """Remove NAME at once. The labels that they gave stay."""
    with opened_services() as services:
        moderators.remove_moderator(services, name)
    click.echo(f"{name} is removed.")


@moderator.command(name="reset-totp")
@_name_argument
def reset_totp(name: str) -> None:
    """Turn the codes at the sign-in of NAME off, for a lost app. The password stays, and all sessions end."""
    with opened_services() as services:
        number = account.reset_totp(services, name)
    click.echo(f"{name} signs in by the password alone. Ended sessions: {number}.")


@moderator.command()
@_name_argument
@click.argument("subject")
def link(name: str, subject: str) -> None:
    """Let the OIDC provider sign NAME in, as the person with SUBJECT there. The password and all sessions end."""
    with opened_services() as services:
        identities.link(services, name, subject)
    click.echo(f"{name} signs in through the provider, and has the roles of the groups there from then on.")


@moderator.command()
@_name_argument
def unlink(name: str) -> None:
    """End the link of NAME to a person of the OIDC provider. All sessions end, and there is no password."""
    with opened_services() as services:
        number = identities.unlink(services, name)
    click.echo(f"{name} is not linked. Ended sessions: {number}. For a password: moderation moderator reset.")


@moderator.command(name="sign-out")
@_name_argument
def sign_out(name: str) -> None:
    """End all sessions of NAME, on every device. The password stays."""
    with opened_services() as services:
        number = sessions.end_sessions(services, name)
    click.echo(f"{name} is signed out. Ended sessions: {number}.")


@moderator.command()
@_name_argument
@click.option("--email", metavar="ADDRESS", help="Send the digest to this address.")
@click.option("--every", type=click.Choice([*(period.value for period in DigestPeriod), "off"]), help="How often.")
@click.option(
    "--at",
    "hour",
    type=click.IntRange(0, 23),
    default=digests.DEFAULT_HOUR,
    show_default=True,
    help="Hour of a daily digest, in UTC.",
)
@click.option("--now", is_flag=True, help="Send one at once, to try the settings.")
def digest(name: str, email: str | None, every: str | None, hour: int, now: bool) -> None:
    """Send NAME a digest by mail: the comments that came to wait since the last one. Nothing new, no mail."""
    if every in tuple(DigestPeriod) and not email:
        raise click.UsageError("Give the address with --email.")
    if not (every or now):
        raise click.UsageError("Give --every day, hour or off, or --now.")
    with opened_services() as services:
        if every == "off":
            digests.end_digest(services, name)
        elif every and email:
            digests.set_digest(services, name, email, DigestPeriod(every), hour)
        if now:
            digests.send_digest_now(services, name)
        has_server = services.mail_server is not None
    click.echo(f"Digest of {name}: " + ("sent." if now else f"every {every}." if every != "off" else "off."))
    if not has_server and every != "off":
        echo_status("No mail server is set: set MODERATION_SMTP_HOST and restart the service.")


@moderator.command()
@_name_argument
@click.option("--revoke", is_flag=True, help="Revoke the address.")
def feed(name: str, revoke: bool) -> None:
    """Give NAME an Atom feed of the comments that wait. Its address is shown only once; a former one stops working."""
    with opened_services() as services:
        if revoke:
            feeds.revoke_feed(services, name)
            click.echo(f"{name} has no feed.")
            return
        token, root = feeds.create_feed(services, name), services.public_url
    click.echo(f"{root}/feed.atom?token={token}")


def _role_phrase(granted: NamedGrant) -> str:
    return f"{granted.role} of {granted.site_url or 'all sites'}"


def _plain(person: Moderator, granted: Sequence[NamedGrant], digest: Digest | None) -> dict[str, object]:
    roles_given = [{"role": each.role.value, "site": each.site_url} for each in granted]
    plain = digest and {"email": digest.email, "every": digest.period, "last_error": digest.last_error}
    facts = {"name": person.name, "created_at": person.created_at.isoformat(), "roles": roles_given}
    return {**facts, "totp": person.has_totp, "digest": plain}


def _grant(services: Services, role: str, url: str | None) -> Grant:
    return Grant(Role(role), find_site(services, url).id if url else None)


def _print_password(name: str, new_password: str | None, as_json: bool) -> None:
    if as_json:
        print_json({"name": name} | ({"password": new_password} if new_password else {}))
    else:
        click.echo(f"Moderator  {name}" + (f"\nPassword   {new_password}  (shown only once)" if new_password else ""))
