//! How much memory there is.

use sysinfo::{Process, ProcessRefreshKind, ProcessesToUpdate, System, get_current_pid};

/// What this process may use, in MiB: the machine's, or less where its container or its unit of systemd may have less;
/// 0 where the system does not say.
pub(super) fn available() -> u64 {
    bytes().unwrap_or(0) >> 20
}

fn bytes() -> Option<u64> {
    let mut system = System::new().ok()?;
    system.refresh_memory();
    let own = get_current_pid().ok()?;
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[own]), false, ProcessRefreshKind::nothing());
    let limits = system.process(own).and_then(Process::cgroup_limits);
    Some(of(system.total_memory(), limits.map(|limits| limits.total_memory)))
}

/// What may be used of a machine's bytes in a container, if there is one, that may have so many.
fn of(machine: u64, container: Option<u64>) -> u64 {
    container.map_or(machine, |container| container.min(machine))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_may_have_less_than_its_machine_and_never_more() {
        for (container, bytes) in [(Some(512 << 20), 512 << 20), (None, 64 << 30), (Some(u64::MAX), 64 << 30)] {
            assert_eq!(of(64 << 30, container), bytes, "of {container:?}");
        }
    }
}
