/** One server for all. More memory and fewer checkpoints than by default, for everybody; as durable as it can be. */
export const SETTINGS = { shared_buffers: '1GB', max_wal_size: '4GB', checkpoint_timeout: '15min', max_connections: 300 }
