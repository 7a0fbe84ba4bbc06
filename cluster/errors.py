"""What can stop the cluster's tool: one sentence, and the command that helps."""


class ClusterError(Exception):
    """Something is missing or has failed.

    Args:
        message: what was found, in one sentence.
        hint: the command, or the step, that provides what is missing.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        self.message, self.hint = message, hint
        super().__init__(f"{message}\n\nhint: {hint}" if hint else message)


class Missing(ClusterError):
    """This machine lacks what a cluster is made with; the hint is the command that provides it."""
