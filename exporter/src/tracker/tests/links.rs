//! Where a span stands: its parent, and what it points to.

use super::*;

const CONTAINER: &str =
    "/system.slice/docker-3f4a1c0e9b8d7f6a5e4d3c2b1a0f9e8d7c6b5a493827161504f3e2d1c0b9a8f7.scope";

/// Kind and span of each link.
fn links(span: &Span) -> Vec<(String, Vec<u8>)> {
    let link = |link: &opentelemetry_proto::tonic::trace::v1::span::Link| {
        (
            text(&link.attributes, name::KINTRACE_LINK_TYPE),
            link.span_id.clone(),
        )
    };
    span.links.iter().map(link).collect()
}

#[test]
fn a_child_in_another_trace_links_to_its_creator_and_one_in_the_same_has_it_as_parent() {
    let mut bench = bench(blind());
    bench.cgroup(1, "/system.slice/containerd.service");
    bench.cgroup(2, CONTAINER);
    let (shim, inside, beside) = (
        ImageId::new(5, 500, 2),
        ImageId::new(6, 600, 3),
        ImageId::new(7, 700, 3),
    );
    bench.exec(shim, INIT, "/bin/shim", 1);
    for (id, cgroup) in [(inside, 2), (beside, 1)] {
        bench.fork(shim, ImageId { exec_id: 2, ..id });
        bench.exec(id, shim, "/bin/app", cgroup);
        bench.exit(id, shim, false);
    }
    let (of_shim, inside, beside) = (&bench.logs[0], &bench.spans[0], &bench.spans[1]);
    assert_ne!(inside.trace_id, of_shim.trace_id);
    assert!(inside.parent_span_id.is_empty());
    assert_eq!(inside.links[0].span_id, of_shim.span_id);
    assert_eq!(inside.links[0].trace_id, of_shim.trace_id);
    assert_eq!(beside.trace_id, of_shim.trace_id);
    assert_eq!(beside.parent_span_id, of_shim.span_id);
    assert!(beside.links.is_empty());
}

#[test]
fn an_image_that_replaces_another_ends_its_span_and_links_to_it() {
    let mut bench = bench(blind());
    let (first, second) = (ImageId::new(5, 500, 2), ImageId::new(5, 500, 3));
    bench.exec(first, INIT, "/bin/first", 1);
    bench.exec(second, INIT, "/bin/second", 1);
    assert_eq!(bench.spans.len(), 1);
    assert_eq!(bench.spans[0].name, "first");
    bench.exit(second, INIT, false);
    assert_eq!(bench.spans[1].name, "second");
    assert_eq!(bench.spans[1].links[0].span_id, bench.spans[0].span_id);
    assert_eq!(bench.logs.len(), 3);
}

/// A process in a container, created from outside, in a trace that was full when it ran its second image,
/// which has a trace in its environment.
#[test]
fn every_reason_for_a_link_has_its_link_in_order() {
    let mut bench = bench(blind());
    bench.cgroup(1, "/system.slice/containerd.service");
    bench.cgroup(2, CONTAINER);
    let shim = ImageId::new(5, 500, 2);
    let (first, second) = (ImageId::new(6, 600, 3), ImageId::new(6, 600, 4));
    bench.exec(shim, INIT, "/bin/shim", 1);
    bench.fork(
        shim,
        ImageId {
            exec_id: 2,
            ..first
        },
    );
    bench.exec(first, shim, "/bin/first", 2);
    for pid in 100..199 {
        bench.exec(ImageId::new(pid, 1_000, 3), INIT, "/bin/fill", 2);
    }
    let traceparent = "TRACEPARENT=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    bench.exec_with(second, shim, "/bin/second", 2, &[traceparent]);
    bench.exit(second, shim, false);
    let (of_first, last, span) = (&bench.logs[1], &bench.logs[100], &bench.spans[1]);
    assert_eq!(span.name, "second");
    assert_ne!(span.trace_id, of_first.trace_id, "the trace was full");
    assert!(span.parent_span_id.is_empty());
    let expected = [
        ("continuation", &last.span_id),
        ("parent", &bench.logs[0].span_id),
        ("previous", &of_first.span_id),
        (
            "traceparent",
            &vec![0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31],
        ),
    ];
    let expected = expected.map(|(kind, span)| (kind.to_owned(), span.clone()));
    assert_eq!(links(span), expected);
}

#[test]
fn a_traceparent_that_is_none_makes_no_link() {
    let mut bench = bench(blind());
    let image = ImageId::new(5, 500, 2);
    bench.exec_with(image, INIT, "/bin/a", 1, &["TRACEPARENT=00-0-0-00", "A=b"]);
    bench.exit(image, INIT, false);
    assert_eq!(links(&bench.spans[0]), []);
}
