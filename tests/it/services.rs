//! Several real services on one store behind a load balancer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use docspace_sandbox::PortalSettings;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::process::{Deployment, PortalClock, Process, free_address};
use crate::store::Store;

/// Several services with addresses that stay over restarts, and the load balancer in front of them.
pub struct Services {
    pub deployment: Deployment,
    pub clock: PortalClock,
    /// The public and the operator address of each.
    pub addresses: Vec<(SocketAddr, SocketAddr)>,
    _balancer: DropGuard,
}

impl Services {
    pub async fn new(count: usize, store: Store) -> Self {
        let clock = PortalClock::default();
        let deployment = Deployment::with_store(
            PortalSettings {
                time: clock.source(),
                operation_time: Duration::from_millis(100),
                retry_waits: vec![Duration::from_millis(300); 100],
                ..PortalSettings::default()
            },
            store,
        )
        .await;
        let addresses: Vec<_> = (0..count)
            .map(|_| (free_address(), free_address()))
            .collect();
        let stop = CancellationToken::new();
        let listener = TcpListener::bind(deployment.address).await.unwrap();
        let receivers = addresses.iter().map(|(public, _)| *public).collect();
        tokio::spawn(
            stop.clone()
                .run_until_cancelled_owned(balance(listener, receivers)),
        );
        Self {
            deployment,
            clock,
            addresses,
            _balancer: stop.drop_guard(),
        }
    }

    /// Starts one of the services.
    pub fn start(&self, place: usize) -> Process {
        let (public, operator) = self.addresses[place];
        self.deployment.start_with(&[
            ("LISTEN_ADDR", public.to_string()),
            ("ADMIN_ADDR", operator.to_string()),
        ])
    }
}

/// Forwards each connection to the next service that accepts it.
async fn balance(listener: TcpListener, receivers: Vec<SocketAddr>) {
    let (receivers, turn) = (Arc::new(receivers), Arc::new(AtomicUsize::new(0)));
    loop {
        let (mut from, _) = listener.accept().await.unwrap();
        let (receivers, turn) = (Arc::clone(&receivers), Arc::clone(&turn));
        tokio::spawn(async move {
            for _ in 0..receivers.len() {
                let next = turn.fetch_add(1, Ordering::Relaxed) % receivers.len();
                if let Ok(mut to) = TcpStream::connect(receivers[next]).await {
                    let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
                    return;
                }
            }
        });
    }
}
