//! Delivers batches to an OTLP receiver: at least once while it can, and every record counted.
//!
//! ```text
//! Outbox --try_send--> queue --take--> worker 1..n: request -> transport -> outcome -> counters
//!                      (bytes)                      ^------ wait, split ------'
//! ```
//!
//! Only this module knows gRPC and HTTP. It does not know what a record says: records are bytes
//! between boundaries, and a refused request is halved without decoding one. "Exported" means that
//! the next hop said yes; what that hop does with it is not known here.

pub mod grpc;
pub mod http;
pub mod outcome;
pub mod request;
pub mod retry;
pub mod settings;
mod tls;
pub mod transport;
