from hypothesis import settings

pytest_plugins = ["tests.servers", "tests.orders"]

settings.register_profile("jit", deadline=None)  # nothing here is a promise about time
settings.load_profile("jit")
