"""The modules one can place. Uses only pypeline.sdk, like any third-party module."""
