//! The gateway between real sockets: what members see, what clients see, and what happens when either side
//! misbehaves.

mod balance;
mod compress;
mod faults;
mod hostile;
mod kit;
mod nginx;
mod passing;
mod reload;
mod slow;
mod smuggling;
mod telling;
mod two;
