"""An engine for HyperNodes; ``from hypernodes.engines import AcmeEngine``."""
