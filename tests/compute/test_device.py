"""Where a command computes, whatever the cluster around it says."""

import pytest

from fcrbench.compute.device import make_fabric

# An allocation of four tasks, in which one command is started by hand.
ALLOCATIONS = {
    "SLURM": {
        "SLURM_NTASKS": "4",
        "SLURM_JOB_ID": "123456",
        "SLURM_JOB_NAME": "job",
        "SLURM_PROCID": "0",
        "SLURM_LOCALID": "0",
        "SLURM_NODEID": "0",
    },
    "SLURM, second task": {
        "SLURM_NTASKS": "4",
        "SLURM_NTASKS_PER_NODE": "2",
        "SLURM_JOB_ID": "123456",
        "SLURM_JOB_NAME": "job",
        "SLURM_PROCID": "1",
        "SLURM_LOCALID": "1",
        "SLURM_NODEID": "0",
    },
    "MPI": {"OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "1", "PMI_RANK": "1", "PMI_SIZE": "4"},
    "LSF": {"LSB_JOBID": "1", "LSB_DJOB_RANKFILE": "/nowhere", "JSM_NAMESPACE_LOCAL_RANK": "1"},
}


@pytest.mark.parametrize("allocation", ALLOCATIONS)
@pytest.mark.parametrize("distributed", [False, True])
def test_one_device_needs_no_cluster(allocation, distributed, monkeypatch):
    for name, value in ALLOCATIONS[allocation].items():
        monkeypatch.setenv(name, value)
    fabric = make_fabric("cpu", "32", distributed=distributed)
    assert fabric.world_size == 1
    assert fabric.is_global_zero
