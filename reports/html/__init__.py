"""The HTML report: what its page holds, how it is rendered, and the command that renders it again."""
