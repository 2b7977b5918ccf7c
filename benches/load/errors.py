"""The one way in which a load test fails."""


class BenchError(Exception):
    """The test cannot run, or did not run what it says; its numbers would be worthless."""
