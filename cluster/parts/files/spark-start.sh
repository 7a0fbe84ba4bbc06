#!/bin/bash
# Spark's scheduler for Kubernetes starts `driver …` and `executor` in its pods, the operator's chart `controller …`:
# one image serves both, since the operator needs all of Spark to submit. Anything else is run as it stands.
set -euo pipefail

# The driver hands the executor's JVM options over one by one, as SPARK_JAVA_OPT_0, SPARK_JAVA_OPT_1 and so on.
jvm_options() {
    local number=0 name
    for ((; ; number++)); do
        name=SPARK_JAVA_OPT_$number
        [[ -v $name ]] || return 0
        printf '%s\n' "${!name}"
    done
}

case ${1:-} in
driver)
    shift
    exec "$SPARK_HOME/bin/spark-submit" --deploy-mode client \
        --conf "spark.driver.bindAddress=$SPARK_DRIVER_BIND_ADDRESS" \
        --conf "spark.executorEnv.SPARK_DRIVER_POD_IP=$SPARK_DRIVER_BIND_ADDRESS" "$@"
    ;;
executor)
    mapfile -t options < <(jvm_options)
    exec "$JAVA_HOME/bin/java" "${options[@]}" "-Xms$SPARK_EXECUTOR_MEMORY" "-Xmx$SPARK_EXECUTOR_MEMORY" \
        -cp "${SPARK_CONF_DIR:-/nowhere}:$SPARK_HOME/jars/*" \
        org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend \
        --driver-url "$SPARK_DRIVER_URL" --executor-id "$SPARK_EXECUTOR_ID" --cores "$SPARK_EXECUTOR_CORES" \
        --app-id "$SPARK_APPLICATION_ID" --hostname "$SPARK_EXECUTOR_POD_IP" \
        --resourceProfileId "$SPARK_RESOURCE_PROFILE_ID" --podName "$SPARK_EXECUTOR_POD_NAME"
    ;;
controller) exec tini -s -- spark-operator "$@" ;;
*) exec "$@" ;;
esac
