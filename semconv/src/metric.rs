//! Names of the agent's own metrics: what each counts, its unit, and its name in Prometheus.

/// One instrument.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Metric {
    /// OpenTelemetry name: no unit, no `_total`.
    pub name: &'static str,
    /// Name at `/metrics`, as the OpenTelemetry specification translates it.
    pub prometheus: &'static str,
    /// UCUM unit.
    pub unit: &'static str,
    /// What it counts.
    pub description: &'static str,
    /// Whether it only grows.
    pub is_counter: bool,
}

macro_rules! metrics {
    ($($constant:ident: $kind:ident $name:literal $prometheus:literal $unit:literal $description:literal;)*) => {
        $(
            #[doc = $description]
            pub const $constant: Metric = Metric {
                name: $name,
                prometheus: $prometheus,
                unit: $unit,
                description: $description,
                is_counter: metrics!(@$kind),
            };
        )*

        /// All of them.
        pub const ALL: &[Metric] = &[$($constant),*];
    };
    (@counter) => { true };
    (@gauge) => { false };
}

metrics! {
    EVENTS_SEEN: counter "kintrace.kernel.event.seen" "kintrace_kernel_event_seen_total" "{event}"
        "Events that the programs in the kernel saw.";
    EVENTS_LOST: counter "kintrace.kernel.event.lost" "kintrace_kernel_event_lost_total" "{event}"
        "Events that did not reach the ring, by kind and reason.";
    RING_SIZE: gauge "kintrace.kernel.ring.size" "kintrace_kernel_ring_size_bytes" "By"
        "Size of the ring between kernel and agent.";
    EVENTS_DECODED: counter "kintrace.event.decoded" "kintrace_event_decoded_total" "{event}"
        "Samples that became events, or parts of one.";
    EVENTS_UNDECODABLE: counter "kintrace.event.undecodable" "kintrace_event_undecodable_total" "{event}"
        "Samples that could not be decoded, by reason.";
    EVENTS_FILTERED: counter "kintrace.event.filtered" "kintrace_event_filtered_total" "{event}"
        "Events that make no record by configuration or by kind, by reason.";
    EVENTS_BALANCE: gauge "kintrace.event.balance" "kintrace_event_balance" "{event}"
        "Events seen that are in no counter: still in the ring. Zero when idle, else a defect.";
    RECORDS_CREATED: counter "kintrace.record.created" "kintrace_record_created_total" "{record}"
        "Records handed to the way out, by signal.";
    RECORDS_EXPORTED: counter "kintrace.record.exported" "kintrace_record_exported_total" "{record}"
        "Records that the next hop accepted, by signal.";
    RECORDS_REJECTED: counter "kintrace.record.rejected" "kintrace_record_rejected_total" "{record}"
        "Records that the receiver refused, by signal.";
    RECORDS_DROPPED: counter "kintrace.record.dropped" "kintrace_record_dropped_total" "{record}"
        "Records that did not leave, by signal and reason.";
    RECORDS_IN_FLIGHT: gauge "kintrace.record.in_flight" "kintrace_record_in_flight" "{record}"
        "Records created that are in no final counter yet, by signal.";
    EXPORT_RETRIES: counter "kintrace.export.retries" "kintrace_export_retries_total" "{request}"
        "Requests sent again, by signal.";
    TABLE_IMAGES: gauge "kintrace.process_table.images" "kintrace_process_table_images" "{image}"
        "Program images in the process table.";
    TABLE_PROCESSES: gauge "kintrace.process_table.processes" "kintrace_process_table_processes" "{process}"
        "Processes in the process table that live.";
    TABLE_FORGOTTEN: counter "kintrace.process_table.forgotten" "kintrace_process_table_forgotten_total" "{image}"
        "Images forgotten because the table was full.";
    TABLE_LOST_EXITS: counter "kintrace.process_table.lost_exits" "kintrace_process_table_lost_exits_total" "{process}"
        "Processes found ended without an event, because their pid was used again.";
    TABLE_HEALED: counter "kintrace.process_table.healed" "kintrace_process_table_healed_total" "{process}"
        "Links to a parent that were mended from the kernel's own chain.";
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The translation of the OpenTelemetry specification (Prometheus compatibility, metric metadata).
    fn prometheus(metric: &Metric) -> String {
        let mut name = metric.name.replace('.', "_");
        if metric.unit == "By" {
            name.push_str("_bytes");
        }
        if metric.is_counter {
            name.push_str("_total");
        }
        name
    }

    #[test]
    fn prometheus_names_follow_from_the_others() {
        for metric in ALL {
            assert_eq!(metric.prometheus, prometheus(metric));
        }
    }
}
