import { describeContract } from '../cluster/contract.ts';
import { startApi } from './client.ts';

describeContract('the embedded API', null, async () => {
  const { api, client } = await startApi();
  return {
    client,
    forgetHistory: async () => api.store.compact(api.store.revision),
    async close() {
      client.close();
      await api.close();
    },
  };
});
