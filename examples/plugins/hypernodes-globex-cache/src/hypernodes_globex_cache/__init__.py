"""The cache of Globex; ``open_cache("globex://host:port/drawer")``."""
