"""`fcrbench methods`."""


def methods(*names: str) -> None:
    """List the installed methods with their packages, sizes, papers, presets and options.

    Example: fcrbench methods
    Example: fcrbench methods fcrnet

    Parameters
    ----------
    names
        Show only these methods.
    """
    import shutil

    from fcrbench.methods import listing, registry

    shown = names or tuple(registry.available())
    for name in shown:
        registry.spec(name)
    width = shutil.get_terminal_size((100, 24)).columns
    print("\n".join(listing.method_table(shown)))
    for name in shown:
        print("\n" + "\n".join(listing.method_details(name, width)))
