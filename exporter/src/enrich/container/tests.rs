use proptest::prelude::*;

use super::*;

const ID: &str = "3f7a0c9be21d4856a7c3e0d19b5f6482c4d8e7f6a5b40312233445566778899a";
const OUTER: &str = "00000000000000000000000000000000000000000000000000000000000000aa";
const POD: &str = "6e6c0f1e-93c5-4d0a-9c3e-2f3b7a1d5e42";
const POD_IN_SLICE: &str = "6e6c0f1e_93c5_4d0a_9c3e_2f3b7a1d5e42";

/// What a path says, on one line. `ID`, `OUTER`, `POD`, `P_O_D` stand for the constants above.
fn say(path: &str) -> String {
    let path = path.replace("OUTER", OUTER).replace("P_O_D", POD_IN_SLICE);
    let facts = facts(&path.replace("POD", POD).replace("ID", ID));
    let mut said = Vec::new();
    if let Some(container) = facts.container {
        let runtime = container.runtime_name().unwrap_or("?");
        said.push(format!("{runtime} {}", container.id));
        said.extend(container.pod.map(|pod| format!("pod {pod}")));
    }
    said.extend(facts.unit.map(|unit| format!("unit {unit}")));
    said.extend(facts.session.map(|session| format!("session {session}")));
    said.extend(facts.user.map(|user| format!("user {user}")));
    said.join(", ")
        .replace(OUTER, "OUTER")
        .replace(POD, "POD")
        .replace(ID, "ID")
}

#[track_caller]
fn check(table: &[(&str, &str)]) {
    for (path, expected) in table {
        assert_eq!(say(path), *expected, "{path}");
    }
}

#[test]
fn containers_are_found_in_the_frames_of_their_runtimes() {
    check(&[
        ("/system.slice/docker-ID.scope", "docker ID"),
        ("/system.slice/docker-ID.scope/init", "docker ID"),
        ("/docker/ID", "docker ID"),
        ("/docker/ID/system.slice/cron.service", "docker ID"),
        (
            "/user.slice/user-1000.slice/user@1000.service/user.slice/docker-ID.scope",
            "docker ID, unit user@1000.service, user 1000",
        ),
        ("/machine.slice/libpod-ID.scope", "podman ID"),
        ("/machine.slice/libpod-ID.scope/container", "podman ID"),
        ("/libpod_parent/libpod-ID", "podman ID"),
        (
            "/system.slice/web.service/libpod-payload-ID",
            "podman ID, unit web.service",
        ),
        (
            "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope/container",
            "podman ID, unit user@1000.service, user 1000",
        ),
        ("/k8s.io/ID", "containerd ID"),
        ("/system.slice/nerdctl-ID.scope", "containerd ID"),
        ("/ecs/2f3b7a1d5e426e6c0f1e93c54d0a9c3e/ID", "? ID"),
        ("/ecs/cluster/2f3b7a1d5e426e6c0f1e93c54d0a9c3e/ID", "? ID"),
        (
            "/ecstasks.slice/ecstasks-2f3b7a1d.slice/docker-ID.scope",
            "docker ID",
        ),
        ("/lxc.payload.web/system.slice/nginx.service", "lxc web"),
        ("/lxc.payload/web", "lxc web"),
        ("/lxc/101/ns/init.scope", "lxc 101"),
        (
            "/machine.slice/systemd-nspawn@web\\x2d1.service/payload",
            "systemd-nspawn web-1, unit systemd-nspawn@web\\x2d1.service",
        ),
    ]);
}

#[test]
fn pods_are_found_with_either_cgroup_driver() {
    check(&[
        (
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podP_O_D.slice/cri-containerd-ID.scope",
            "containerd ID, pod POD",
        ),
        (
            "/kubepods.slice/kubepods-podP_O_D.slice/crio-ID.scope",
            "cri-o ID, pod POD",
        ),
        (
            "/kubepods.slice/kubepods-podP_O_D.slice/crio-ID.scope/container",
            "cri-o ID, pod POD",
        ),
        (
            "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-podP_O_D.slice/docker-ID.scope",
            "docker ID, pod POD",
        ),
        ("/kubepods/burstable/podPOD/ID", "? ID, pod POD"),
        ("/kubepods/podPOD/ID", "? ID, pod POD"),
        ("/kubepods/besteffort/podPOD/crio-ID", "cri-o ID, pod POD"),
        (
            "/kubepods/burstable/pod5f0c1f3a4b7e8d9c0a1b2c3d4e5f6a7b/ID",
            "? ID, pod 5f0c1f3a4b7e8d9c0a1b2c3d4e5f6a7b",
        ),
        (
            "/system.slice/containerd.service/kubepods-burstable-podP_O_D.slice:cri-containerd:ID",
            "containerd ID, pod POD, unit containerd.service",
        ),
    ]);
}

#[test]
fn of_nested_containers_the_innermost_is_meant() {
    check(&[
        (
            "/system.slice/docker-OUTER.scope/kubelet.slice/kubelet-kubepods.slice/\
          kubelet-kubepods-podP_O_D.slice/cri-containerd-ID.scope",
            "containerd ID, pod POD",
        ),
        ("/docker/OUTER/docker/ID", "docker ID"),
        (
            "/docker/OUTER/kubelet/kubepods/burstable/podPOD/ID",
            "? ID, pod POD",
        ),
        ("/docker/OUTER/ID", "docker OUTER"),
    ]);
}

#[test]
fn units_and_sessions_are_those_of_the_host() {
    check(&[
        ("/", ""),
        ("", ""),
        ("/init.scope", "unit init.scope"),
        ("/system.slice/ssh.service", "unit ssh.service"),
        (
            "/system.slice/system-getty.slice/getty@tty1.service",
            "unit getty@tty1.service",
        ),
        (
            "/system.slice/web.service/worker.service",
            "unit web.service",
        ),
        ("/system.slice/web.service/a/b", "unit web.service"),
        ("/system.slice/_cpu.service", "unit cpu.service"),
        (
            "/user.slice/user-1000.slice/session-3.scope",
            "unit session-3.scope, session 3, user 1000",
        ),
        (
            "/user.slice/user-0.slice/session-c12.scope",
            "unit session-c12.scope, session c12, user 0",
        ),
        (
            "/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-firefox-12.scope",
            "unit user@1000.service, user 1000",
        ),
        (
            "/user.slice/user-1000.slice/user@1000.service/session-9.scope",
            "unit user@1000.service, user 1000",
        ),
        (
            "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt",
            "unit machine-qemu\\x2d1\\x2dvm.scope",
        ),
        (
            "/system.slice/containerd.service",
            "unit containerd.service",
        ),
        ("/system.slice", ""),
        ("/user.slice/user-1000.slice", "user 1000"),
        ("/session-3.scope", "unit session-3.scope"),
    ]);
}

#[test]
fn names_that_only_look_like_ids_are_not_containers() {
    check(&[
        ("/ID", ""),
        ("/mine/ID", ""),
        ("/system.slice/web.service/ID", "unit web.service"),
        (
            "/user.slice/user-1000.slice/user@1000.service/ID",
            "unit user@1000.service, user 1000",
        ),
        ("/system.slice/mine-ID.scope", "unit mine-ID.scope"),
        ("/system.slice/xdocker-ID.scope", "unit xdocker-ID.scope"),
        ("/docker/ID0", ""),
        ("/docker/buildkit", ""),
        (
            "/docker/3F7A0C9BE21D4856A7C3E0D19B5F6482C4D8E7F6A5B40312233445566778899A",
            "",
        ),
        (
            "/machine.slice/libpod-conmon-ID.scope",
            "unit libpod-conmon-ID.scope",
        ),
        (
            "/system.slice/crio-conmon-ID.scope",
            "unit crio-conmon-ID.scope",
        ),
        ("/podPOD/ID", ""),
        ("/kubepods/burstable/mine/ID", ""),
        ("/kubepods/podx/ID", ""),
        ("/lxc.monitor.web", ""),
        ("/lxc.payload.", ""),
        ("/mine/lxc/web", ""),
        ("/systemd-nspawn@x.service", "unit systemd-nspawn@x.service"),
        ("/system.slice/a b.service", ""),
        ("/system.slice/.service", ""),
        ("/system.slice/a:ID", ""),
    ]);
}

#[test]
fn systemds_escapes_are_undone_where_they_are_whole() {
    assert_eq!(unescape("a\\x2db"), "a-b");
    assert_eq!(unescape("a\\xzz\\x2"), "a\\xzz\\x2");
    assert_eq!(unescape("a\\xff"), "a\\xff");
    assert_eq!(unescape("a\\x\u{e9}\u{e9}"), "a\\x\u{e9}\u{e9}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_text_is_read_without_panic(path in "[/a-z0-9\\\\:._@-]{0,80}|\\PC{0,80}") {
        let facts = facts(&path);
        prop_assert!(facts.session.is_none() || facts.user.is_some());
    }
}
