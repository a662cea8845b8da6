"""How a person is addressed. Pure."""

from rules.model.oncall import Person


def target_of(person: Person) -> str:
    """How a notifier finds them: by Slack id where the file gives it, else by e-mail address."""
    return person.slack_id or f"email:{person.email}"
