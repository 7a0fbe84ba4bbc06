#!/bin/bash
# A broker that is its own controller. In: POD_NAME (its number at the end), SERVICE (the headless one, with its
# namespace), NODE_ADDRESS and NODE_PORT (where clients outside the cluster reach it), DATA (a folder that stays).
set -euo pipefail
number=${POD_NAME##*-}
settings=$DATA/server.properties

cat >"$settings" <<PROPERTIES
process.roles=broker,controller
node.id=$number
controller.quorum.voters=$number@localhost:9093
controller.listener.names=CONTROLLER
listeners=INSIDE://:9092,OUTSIDE://:9094,CONTROLLER://:9093
advertised.listeners=INSIDE://$POD_NAME.$SERVICE.svc.cluster.local:9092,OUTSIDE://$NODE_ADDRESS:$NODE_PORT
inter.broker.listener.name=INSIDE
listener.security.protocol.map=INSIDE:PLAINTEXT,OUTSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$DATA/log
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=10
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=10
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
PROPERTIES

java=("$JAVA_HOME/bin/java" -XX:-UsePerfData -Dlog4j2.configurationFile=/opt/kafka/log4j2.properties -cp '/opt/kafka/jars/*')
if [[ ! -e $DATA/log/meta.properties ]]; then
    "${java[@]}" kafka.tools.StorageTool format --cluster-id mesoscale-tests-000000 --config "$settings"
fi
exec "${java[@]}" -Xms256m -Xmx512m -XX:+ExitOnOutOfMemoryError kafka.Kafka "$settings"
