"""The pages of campaigns: held comments that share a trait, decided with one press, and rules for the next ones."""

import re

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response

from moderation.actions.campaign_rules import RULE_DAYS, add_rule, list_rules, revoke_rule
from moderation.actions.campaigns import MAX_GROUPED, decide_campaign, find_largest, list_campaigns, read_campaign
from moderation.actions.moderating import ActResult
from moderation.domain.errors import Conflict, NotFound
from moderation.domain.invisible import quoted
from moderation.domain.queue import Verb
from moderation.features.traits import Trait
from moderation.web.queue.campaign_view_models import campaign_page_view, campaign_view, key_text
from moderation.web.queue.forms import UNDOABLE, acting_moderator, describe_act, describe_refusals, parse_number
from moderation.web.queue.highlight import excerpt
from moderation.web.requests import services

CAMPAIGNS_SHOWN = 20
MEMBERS_SHOWN = 20

_KEY = re.compile("[0-9a-f]{16}")
_MAX_KEY_BYTES = 300
VERBS = (Verb.HAM, Verb.SPAM, Verb.REMOVE)
"""The verbs that decide many comments at once."""


def add_campaign_pages(blueprint: Blueprint) -> None:
    """Add the pages to the blueprint of the queue."""
    blueprint.add_url_rule("/queue/campaigns", "campaigns", show_campaigns)
    blueprint.add_url_rule("/queue/campaigns/<key>", "campaign", show_campaign)
    blueprint.add_url_rule("/queue/campaigns/of/<decision_id>", "campaign_of", show_campaign_of)
    blueprint.add_url_rule("/queue/campaigns/<key>", "decide_campaign", decide, methods=["POST"])
    blueprint.add_url_rule("/queue/campaigns/rules", "revoke_rule", revoke, methods=["POST"])


def show_campaigns() -> str:
    """Render the largest campaigns, and the rules in force."""
    return render_template(
        "queue/campaigns.html",
        campaigns=[campaign_view(each) for each in list_campaigns(services(), CAMPAIGNS_SHOWN)],
        rules=[(rule, excerpt(rule.key, _MAX_KEY_BYTES)) for rule in list_rules(services())],
        max_grouped=MAX_GROUPED,
    )


def show_campaign(key: str) -> str:
    """Render one campaign with a page of its members. `after` is the number of the last queue item before them."""
    after = parse_number(request.args.get("after", ""))
    page = read_campaign(services(), _parse_key(key), after, MEMBERS_SHOWN)
    return render_template("queue/campaign.html", page=campaign_page_view(page), rule_days=RULE_DAYS, after=after)


def show_campaign_of(decision_id: str) -> Response:
    """Redirect to the largest campaign of a held comment, or without any to the comment."""
    key = find_largest(services(), decision_id)
    if key is not None:
        return redirect(url_for("queue.campaign", key=key_text(key)), 303)
    flash("No other held comment shares its text, its site, an address or a number.", "warning")
    return redirect(url_for("queue.comment", decision_id=decision_id), 303)


def decide(key: str) -> Response:
    """Decide the members of a campaign, and those named by `include`; with `next`, add a rule for the next ones."""
    moderator = acting_moderator()
    verb, newest = request.form.get("verb", ""), parse_number(request.form.get("newest", ""))
    if verb not in VERBS or newest is None:
        raise BadRequest("A campaign is decided by a verb, ham, spam or remove, and the number of its newest comment.")
    included = frozenset(request.form.getlist("include"))
    try:
        decided = decide_campaign(services(), _parse_key(key), Verb(verb), moderator, newest=newest, included=included)
    except NotFound as error:
        flash(f"Nothing changed: {error}", "warning")
        return redirect(url_for("queue.campaigns"), 303)
    report(decided.result)
    if request.form.get("next") == "1" and verb == Verb.SPAM:
        _add_rule(decided.trait)
    return redirect(url_for("queue.campaigns"), 303)


def revoke() -> Response:
    """End the rule `key`."""
    key = request.form.get("key", "")
    try:
        revoke_rule(services(), key)
        flash("The rule has ended.", "success")
    except NotFound:
        flash("Nothing changed: there is no such rule any longer.", "warning")
    return redirect(url_for("queue.campaigns"), 303)


def report(result: ActResult) -> None:
    """Show on the next page what an act changed, with a button to undo it, and which comments it left as they were."""
    for sentence in describe_refusals(result):
        flash(sentence, "warning")
    if result.changed:
        flash(describe_act(result), f"{UNDOABLE}{result.act_id}")


def _add_rule(trait: Trait | None) -> None:
    try:
        rule = add_rule(services(), trait)
        flash(f"Comments with {quoted(rule.key)} count as spam until {rule.expires_at:%d %B %Y}.", "success")
    except Conflict as error:
        flash(f"There is no rule for the next ones: {error}", "warning")


def _parse_key(text: str) -> int:
    """Return the key of a campaign from an address, as a signed number. Raises `NotFound` for any other text."""
    if not _KEY.fullmatch(text):
        raise NotFound("There is no such campaign.")
    number = int(text, 16)
    return number - 2**64 if number >= 2**63 else number
