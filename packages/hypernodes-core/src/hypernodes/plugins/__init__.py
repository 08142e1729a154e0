"""Plugins: finding extensions, loading them safely, and giving things by name.

Importing this package loads no plugin and lists none; the first name that
somebody asks for does.  It does connect what plugins teach to the floors
below, which cannot look upward: fingerprints to `hypernodes.hashing`,
serializers to `hypernodes.cache`.
"""

from hypernodes.plugins._connect import connect
from hypernodes.plugins._hooks import call_hook, hook_implementations, notify, observing_hooks
from hypernodes.plugins._lookup import (
    environment_callbacks,
    get_callback,
    get_callback_class,
    get_engine,
    get_engine_class,
    get_visualizer,
    list_plugins,
    open_cache,
    registered_fingerprints,
    registered_serializers,
    resolve_callbacks,
)
from hypernodes.plugins._manager import Plugins, manager, on_change, reset_plugins
from hypernodes.plugins._records import Implementation, PluginInfo
from hypernodes.plugins._transforms import find_transform_engine

__all__ = [
    "Implementation",
    "PluginInfo",
    "Plugins",
    "call_hook",
    "environment_callbacks",
    "find_transform_engine",
    "get_callback",
    "get_callback_class",
    "get_engine",
    "get_engine_class",
    "get_visualizer",
    "hook_implementations",
    "list_plugins",
    "manager",
    "notify",
    "observing_hooks",
    "on_change",
    "open_cache",
    "registered_fingerprints",
    "registered_serializers",
    "reset_plugins",
    "resolve_callbacks",
]

on_change(connect)
