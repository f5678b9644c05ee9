"""`fcrbench datasets`."""


def datasets() -> None:
    """List the installed data sets with their package, licence, source and options.

    Example: fcrbench datasets
    """
    import dataclasses
    import shlex

    from fcrbench.datasets import registry
    from fcrbench.methods.listing import format_setting

    for name, plugin in registry.installed().items():
        spec = plugin.spec
        needs = "  needs --root FOLDER" if spec.needs_root else ""
        print(f"{name}: {spec.title}{needs}\n  {spec.how_to_get}\n  {spec.licence}; {spec.source}")
        print(f"  package {plugin.package}")
        for option, default in dataclasses.asdict(spec.options()).items():
            print(f"  --set {shlex.quote(f'dataset.options.{option}={format_setting(default)}')}")
