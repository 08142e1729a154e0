"""One run as one HTML page that needs nothing but a browser."""

from hypernodes.cli.report._page import render_report

__all__ = ["render_report"]
