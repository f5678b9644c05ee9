"""`fcrbench methods`."""


def methods(*names: str) -> None:
    """List the installed methods: package, parameters, paper; then presets and options of each.

    Example: fcrbench methods
    Example: fcrbench methods fcrnet

    Parameters
    ----------
    names
        Show these only.
    """
    import shutil

    from fcrbench.methods import listing, registry

    shown = names or tuple(registry.available())
    for name in shown:
        registry.spec(name)
    width = shutil.get_terminal_size((100, 24)).columns
    print("\n".join(listing.overview(shown)))
    for name in shown:
        print("\n" + "\n".join(listing.details(name, width)))
