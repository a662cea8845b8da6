"""How a person and a webhook are addressed. Pure."""

from rules.model.oncall import Person


def target_of(person: Person) -> str:
    """How a notifier finds them: by Slack id where the file gives it, else by e-mail address."""
    return person.slack_id or f"email:{person.email}"


def webhook_notifier(webhook: str) -> str:
    """The name of the notifier of a webhook; its one conversation has the webhook's own name."""
    return f"webhook:{webhook}"
