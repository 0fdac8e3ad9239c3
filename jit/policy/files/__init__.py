"""From a folder of policy files to rules, or to every mistake in them."""
