// A rate limit of a deployed version, in one location: it counts per key, in windows of the period. Cloudflare's real
// limits count per location, too, and only approximately.
const LIMIT = LIMIT_OF_BINDING;
const PERIOD = PERIOD_OF_BINDING * 1000;

export default () => {
  const counts = new Map();
  let window = 0;
  return {
    async limit({ key }) {
      const now = Math.floor(Date.now() / PERIOD);
      if (now !== window) {
        window = now;
        counts.clear();
      }
      const count = (counts.get(key) ?? 0) + 1;
      counts.set(key, count);
      return { success: count <= LIMIT };
    },
  };
};
