"""An engine on processes of this machine; ``from hypernodes.engines import PoolEngine``."""
