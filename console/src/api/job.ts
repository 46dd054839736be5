/** What a job's panel and the timeline read beside the submission itself: attempts, story, result, files. */
import { useQuery } from "@tanstack/react-query";
import { api, type Schemas } from "./client";
import type { Attempt } from "./facts";
import { withoutTwins } from "./files";
import { useRefetchOn } from "./query";

/** A submission with the attempts of all its jobs, live: read anew as a whole, for the timeline and the story. */
export function useDagAttempts(dagId: string, isNeeded: boolean) {
  const found = useQuery({
    queryKey: ["dag-attempts", dagId],
    enabled: isNeeded,
    queryFn: async ({ signal }) => {
      const params = { path: { dag: dagId }, query: { attempts: true } };
      return (await api.GET("/api/dags/{dag}", { params, signal })).data ?? null;
    },
  });
  // 500 jobs with attempts are half a megabyte: once a second is often enough for a picture of the whole.
  useRefetchOn((event) => isNeeded && event.dag_id === dagId, found.refetch, 1000);
  return found;
}

/** The attempts of a job, live; none are asked for of what never has any. */
export function useAttempts(jobId: string, isNeeded: boolean): readonly Attempt[] {
  const found = useQuery({
    queryKey: ["job", jobId],
    enabled: isNeeded,
    queryFn: async ({ signal }) =>
      (await api.GET("/api/jobs/{job}", { params: { path: { job: jobId } }, signal })).data ?? null,
  });
  useRefetchOn((event) => isNeeded && event.job_id === jobId, found.refetch);
  return found.data?.attempts ?? [];
}

/** Why a job is where it is, sentence by sentence, live. */
export function useStory(jobId: string) {
  const found = useQuery({
    queryKey: ["story", jobId],
    queryFn: async ({ signal }) =>
      (await api.GET("/api/jobs/{job}/story", { params: { path: { job: jobId } }, signal })).data?.entries ?? [],
  });
  useRefetchOn((event) => event.job_id === jobId, found.refetch);
  return found;
}

/** What a job set as its result, as the answer's text, live. */
export function useResult(jobId: string, isSet: boolean) {
  const found = useQuery({
    queryKey: ["result", jobId, isSet],
    enabled: isSet,
    queryFn: async ({ signal }) => {
      const init = { params: { path: { job: jobId } }, signal, parseAs: "text" } as const;
      return (await api.GET("/api/jobs/{job}/result", init)).data ?? "";
    },
  });
  useRefetchOn((event) => isSet && event.job_id === jobId, found.refetch); // it may be set again until the job ends
  return found;
}

/** The files a job left, live. */
export function useJobFiles(jobId: string) {
  const found = useQuery({
    queryKey: ["job-files", jobId],
    queryFn: async ({ signal }) =>
      listed((await api.GET("/api/jobs/{job}/files", { params: { path: { job: jobId } }, signal })).data),
  });
  useRefetchOn((event) => event.job_id === jobId, found.refetch, 1000);
  return found;
}

/** The files that the jobs of a submission left, live. */
export function useDagFiles(dagId: string) {
  const found = useQuery({
    queryKey: ["dag-files", dagId],
    queryFn: async ({ signal }) =>
      listed((await api.GET("/api/dags/{dag}/files", { params: { path: { dag: dagId } }, signal })).data),
  });
  useRefetchOn((event) => event.dag_id === dagId && event.job_id !== null, found.refetch, 1000);
  return found;
}

function listed(answer: Schemas["LeftFilesAnswer"] | undefined): Schemas["LeftFilesAnswer"] | null {
  return answer ? { ...answer, files: withoutTwins(answer.files) } : null;
}
