// Whether an edge is behind: more waits than its consumer works off in ten seconds. A little always waits while records flow.
const PATIENCE = 10; // seconds

export const isBehind = (edge, rates) => edge.lag > PATIENCE * (rates[edge.consumer]?.read_per_s ?? 0);
