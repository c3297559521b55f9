//! Changes are made and taken back, whatever happens meanwhile; and no index is left behind that is not valid.

mod faults;
mod kit;
mod plain;
mod shapes;
