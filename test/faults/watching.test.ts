import { startApi } from '../embedded-api/client.ts';
import { describeWatching } from './watching.ts';

describeWatching('a watch of the embedded API', null, async () => {
  const { api, client } = await startApi();
  return {
    access: api,
    client,
    forgetHistory: async () => api.store.compact(api.store.revision),
    async close() {
      client.close();
      await api.close();
    },
  };
});
