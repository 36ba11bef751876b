"""Judge each comment of a Django blog before it is saved. Import this module in `ready` of the app's configuration."""

from django.conf import settings
from django.db.models.signals import pre_save
from django.dispatch import receiver

from moderation.client import Client

client = Client(settings.MODERATION_ADDRESS, settings.MODERATION_KEY, spool=settings.MODERATION_SPOOL)


@receiver(pre_save, sender="blog.Comment")
def judge(instance, raw, **_):
    """Set the state of a new comment. Fixtures and edits are not judged."""
    if raw or instance.pk:
        return
    answer = client.score(
        instance.text, author=instance.author, email=instance.email, url=instance.url, permalink=instance.post_url
    )
    instance.is_public = answer.verdict == "publish"
    instance.is_spam = answer.verdict in ("spam", "discard")
    instance.decision_id = answer.decision_id or ""
