//! Settings that are one of a few words.

/// A closed set of words.
pub(super) trait Choice: Copy + Sync + 'static {
    /// All of them, in the order in which they are offered.
    const ALL: &'static [Self];

    /// As it is written.
    fn name(self) -> &'static str;

    /// The one that is written so.
    fn named(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|choice| choice.name() == name)
    }
}

macro_rules! choices {
    ($(
        $(#[$about:meta])*
        $name:ident { $( $(#[$means:meta])* $variant:ident = $word:literal, )+ }
    )+) => {$(
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub enum $name { $( $(#[$means])* $variant, )+ }

        impl $name {
            /// The words, in the order in which they are offered.
            pub const NAMES: &'static [&'static str] = &[$($word),+];
        }

        impl Choice for $name {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            fn name(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }
    )+};
}

choices! {
    /// How OTLP is carried.
    Protocol {
        /// gRPC over HTTP/2, usually on port 4317.
        Grpc = "grpc",
        /// Protobuf in the body of an HTTP/1.1 POST, usually on port 4318.
        HttpProtobuf = "http/protobuf",
    }

    /// How requests are compressed.
    Compression {
        /// Every OTLP receiver must accept it.
        Gzip = "gzip",
        /// A third of the time of gzip, and smaller; not every receiver accepts it.
        Zstd = "zstd",
        /// Not at all.
        None = "none",
    }

    /// What the console shows.
    Output {
        /// A line for people.
        Text = "text",
        /// A line of OTLP as JSON.
        Json = "json",
    }

    /// Whether the console uses colours.
    Color {
        /// If it is a terminal.
        Auto = "auto",
        /// Also into a pipe.
        Always = "always",
        /// Never.
        Never = "never",
    }

    /// What the agent says about itself, from little to much.
    LogLevel {
        /// What stops a part of the agent.
        Error = "error",
        /// What an operator can act on.
        Warn = "warn",
        /// What changed.
        Info = "info",
        /// What was decided, and why.
        Debug = "debug",
        /// Every event.
        Trace = "trace",
    }
}
