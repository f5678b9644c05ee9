"""`fcrbench datasets`."""


def datasets() -> None:
    """List the data sets with their licence, source and options.

    Example: fcrbench datasets
    """
    from fcrbench.datasets import available

    for spec in available():
        needs = "  needs --root FOLDER" if spec.needs_root else ""
        print(f"{spec.name}: {spec.title}{needs}\n  {spec.how_to_get}\n  {spec.licence}; {spec.source}")
        for name, default in spec.options.items():
            print(f"  --set dataset.options.{name}={default}")
