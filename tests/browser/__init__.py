"""The page in Chromium, as people use it. A package, so that its browser ends where its tests end."""
