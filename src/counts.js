// The crossing to Analytics Engine. Only who binds a dataset pays for it.

/** The dataset that is bound under `name`, if one is. */
export function dataset(env, name) {
  return typeof env[name]?.writeDataPoint === "function" ? env[name] : undefined;
}

/** Hands over one row; the runtime sends it when the answer has gone. */
export function write_point(dataset, point) {
  dataset.writeDataPoint(JSON.parse(point));
}
